# SPDX-License-Identifier: Apache-2.0
"""Writes the band's fall_parameters.py: bytes that the band uses where they lie."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from opaska_tools.firmware_build import ROOT

if TYPE_CHECKING:
    from opaska_tools.falls.training import Learned

FILE = ROOT / "firmware" / "opaska_band" / "senses" / "fall_parameters.py"
_WIDTH = 92  # of a line's content

_PAGE = """\
# SPDX-License-Identifier: Apache-2.0
# What the fall detector has learned; docs/falls.md says from whom, how well, and its limits.
# Made by `opaska falls train`; do not edit. How it is read: fall_model.py.

VERSION = "{version}"  # of these bytes
MADE_FROM = "index {index}, seed {seed}"

LINES = {lines}  # the least score of a fall: careful, standard, keen
HOPELESS = {hopeless}  # a score of the trees below which the convolution is not asked
SHIFTS = {shifts}
SCALE = {scale}

TREES = (
{trees}
)

CONVOLUTION = (
{convolution}
)
"""


def page(learned: Learned, index: str, seed: int) -> str:
    """The whole file."""
    content = repr((learned.TREES, learned.CONVOLUTION, learned.SHIFTS, learned.SCALE))
    version = hashlib.sha256((content + repr(learned.LINES)).encode()).hexdigest()[:8]
    return _PAGE.format(
        version=version,
        index=index,
        seed=seed,
        lines=learned.LINES,
        hopeless=learned.HOPELESS,
        shifts=learned.SHIFTS,
        scale=learned.SCALE,
        trees=_literal(learned.TREES),
        convolution=_literal(learned.CONVOLUTION),
    )


def _literal(data: bytes) -> str:
    """The bytes as lines of bytes literals, which the compiler joins."""
    lines = [""]
    for byte in data:
        char = chr(byte)
        mark = char if char.isascii() and char.isprintable() and char not in '"\\' else None
        mark = mark or f"\\x{byte:02x}"
        if len(lines[-1]) + len(mark) > _WIDTH:
            lines.append("")
        lines[-1] += mark
    return "\n".join(f'    b"{line}"' for line in lines)
