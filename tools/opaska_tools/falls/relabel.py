# SPDX-License-Identifier: Apache-2.0
"""What people wore when a human said whether they fell: labelled recordings without names.

Only a raised fall whose case was closed with a word about it is one: the outcome of a case does
not say whether somebody fell, and nobody was asked about a fall that its wearer cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from opaska_gateway.care.fall import RAISED
from opaska_gateway.care.motion import missing_words
from opaska_gateway.registry.motion import labelled
from opaska_protocol.motion import RATE_HZ
from opaska_tools.falls.export import Exported, export
from opaska_tools.falls.recordings import BadFolder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opaska_gateway.commands.office import Office
    from opaska_gateway.registry.motion import FallMotion

DATASET = "field"
_IS_FALL = {"yes": True, "no": False}


@dataclass
class Relabelled:
    """What was found."""

    recordings: list[Exported] = field(default_factory=list[Exported])
    left_out: dict[str, int] = field(default_factory=dict[str, int])  # by reason

    def words(self) -> str:
        """In one line."""
        falls = sum(one.is_fall for one in self.recordings)
        parts = [f"{falls} falls", f"{len(self.recordings) - falls} that were none"]
        parts += [f"left out: {count} {reason}" for reason, count in self.left_out.items()]
        return ", ".join(parts)


async def relabel(office: Office, folder: Path) -> Relabelled:
    """Write the folder; it must be new or empty, so that no old recording stays in it."""
    _refuse_used(folder)
    async with office.read() as connection:
        found = relabelled(await labelled(connection, office.store.vault))
    if not found.recordings:
        raise BadFolder(
            f"nothing to export ({found.words()}); a recording comes of a raised fall whose case "
            "was closed with --fall yes or --fall no"
        )
    try:
        export(folder, found.recordings)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise BadFolder(f"{error.filename or folder}: cannot be written ({reason})") from None
    return found


def relabelled(falls: Sequence[FallMotion]) -> Relabelled:
    """Subjects and recordings are numbered in order; nothing leads back to a person or a case."""
    found = Relabelled()
    subjects: dict[bytes, str] = {}
    for number, fall in enumerate(falls, 1):
        reason = _why_not(fall)
        if reason:
            found.left_out[reason] = found.left_out.get(reason, 0) + 1
            continue
        subject = subjects.setdefault(fall.whose, f"S{len(subjects) + 1:03}")
        alone = sum(one.case_id == fall.case_id and not _why_not(one) for one in falls) == 1
        found.recordings.append(_recording(fall, subject, f"R{number:04}", alone=alone))
    return found


def _refuse_used(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadFolder(f"{folder}: is there already; name a new folder")


def _why_not(fall: FallMotion) -> str | None:
    if fall.state != RAISED:
        return "cancelled"
    if fall.fell not in _IS_FALL:
        return "unknown to those who were there"
    return "without motion" if fall.window is None else None


def _recording(fall: FallMotion, subject: str, name: str, *, alone: bool) -> Exported:
    window = fall.window
    assert window is not None
    doubts = [f"missing {missing_words(window)}"] if window.missing_s else []
    if not alone and fall.fell == "yes":
        doubts.append("one of several alarms of a case in which somebody fell")
    return Exported(
        dataset=DATASET,
        subject=subject,
        rec=name,
        activity="alarm",
        activity_name="an announced fall that was raised",
        is_fall=_IS_FALL[fall.fell or ""],
        rate_hz=RATE_HZ,
        samples=np.array(window.rows, np.int16),
        note="; ".join(doubts),
    )
