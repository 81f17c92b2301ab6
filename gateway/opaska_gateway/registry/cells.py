# SPDX-License-Identifier: Apache-2.0
"""Where a cell of the telephone network may be, by a table that the operator has.

The table has the columns of OpenCelliD: radio, country, network, area, cell, unit, longitude,
latitude, range in m. Where a cell was heard is no place of a wearer, and the words say so.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

UNREADABLE: Final = "the table of cells cannot be read"
UNKNOWN: Final = "not in the table of cells"
_BEST: Final = "LTE"  # what a band's modem mostly talks; older networks number theirs anew


def tell(places: list[dict[str, Any]], table: Path | None) -> list[dict[str, Any]]:
    """The same, with `cell_at` in words for those that name a cell, if there is a table."""
    named: set[str] = {place["cell"] for place in places if place["cell"]}
    if table is None or not named:
        return places
    try:
        found = _found(table, named)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        found = dict.fromkeys(named, UNREADABLE)
    return [
        {**place, "cell_at": found.get(place["cell"], UNKNOWN) if place["cell"] else None}
        for place in places
    ]


def _found(table: Path, named: Collection[str]) -> dict[str, str]:
    """A million lines take a second or two."""
    opened = gzip.open if table.suffix == ".gz" else open
    with opened(table, "rt", encoding="utf-8") as lines:
        return _among(lines, named)


def _among(lines: Iterable[str], named: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        radio, *fields = line.split(",", 9)
        name = "-".join(fields[:4])
        if name in named and (name not in found or radio == _BEST):
            words = _words(fields[5:])
            if words:
                found[name] = words
    return found


def _words(fields: list[str]) -> str | None:
    """None for a line that cannot be right."""
    try:
        longitude, latitude = float(fields[0]), float(fields[1])
        range_m = int(fields[2] or 0)
    except (ValueError, IndexError):
        return None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    around = f"within {range_m} m of" if range_m > 0 else "somewhere around"
    return f"perhaps {around} {latitude:.5f},{longitude:.5f}"
