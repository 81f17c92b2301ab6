# SPDX-License-Identifier: Apache-2.0
"""A table of cells adds words to a cell, never a place to a wearer, and hides nothing."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway.registry import cells

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated"
LINE = "LTE,260,3,11111,662316,0,21.01220,52.22970,1200,7,1,1459692342,1488347104"
CUT = gzip.compress(LINE.encode(), mtime=0)[:-12]
GARBAGE = b"\x1f\x8b\x08" + bytes(40)


def named(cell: str | None) -> dict[str, Any]:
    return {"latitude": None, "longitude": None, "cell": cell}


def told(table: Path, *lines: str, cell: str = "260-3-11111-662316") -> str:
    table.write_text("".join(f"{line}\n" for line in lines))
    ((found),) = cells.tell([named(cell)], table)
    assert found["latitude"] is found["longitude"] is None
    words: str = found["cell_at"]
    return words


def test_a_cell_of_the_table_is_told_with_its_range_and_no_more_sure_than_it_is(
    tmp_path: Path,
) -> None:
    table = tmp_path / "cells.csv"
    near = "perhaps within 1200 m of 52.22970,21.01220"
    assert told(table, HEAD, LINE) == near
    assert told(table, LINE) == near, "as OpenCelliD's files of countries, without a head"
    assert told(table, LINE.replace(",1200,", ",0,")) == (
        "perhaps somewhere around 52.22970,21.01220"
    )
    assert told(table, LINE, LINE.replace("LTE", "UMTS").replace(",1200,", ",9,")) == near
    assert told(table, LINE.replace("662316", "66231")) == cells.UNKNOWN


@pytest.mark.parametrize(
    "line",
    [
        "LTE,260,3,11111,662316",
        "LTE,260,3,11111,662316,0,x,52.2,1200",
        "LTE,260,3,11111,662316,0,21.0,92.2,1200",
        "LTE,260,3,11111,662316,0,nan,52.2,1200",
        "",
    ],
)
def test_a_line_that_cannot_be_right_is_left_aside(tmp_path: Path, line: str) -> None:
    assert told(tmp_path / "cells.csv", line) == cells.UNKNOWN
    assert told(tmp_path / "cells.csv", line, LINE).startswith("perhaps within 1200 m")


def test_a_packed_table_is_read_as_it_is(tmp_path: Path) -> None:
    table = tmp_path / "260.csv.gz"
    table.write_bytes(gzip.compress(f"{LINE}\n".encode()))
    ((found),) = cells.tell([named("260-3-11111-662316")], table)
    assert found["cell_at"].startswith("perhaps within")


@pytest.mark.parametrize(
    "content",
    [None, b"\xff\xfe\x00", CUT, GARBAGE],
    ids=["missing", "no text", "cut", "garbage"],
)
def test_a_table_that_cannot_be_read_hides_no_place(tmp_path: Path, content: bytes | None) -> None:
    table = tmp_path / "260.csv.gz"
    if content is not None:
        table.write_bytes(content)
    places = [named("260-3-1-2"), {**named(None), "latitude": 52.0}]
    first, second = cells.tell(places, table)
    assert (first["cell"], first["cell_at"]) == ("260-3-1-2", cells.UNREADABLE)
    assert (second["latitude"], second["cell_at"]) == (52.0, None)


def test_without_a_table_nothing_is_added(tmp_path: Path) -> None:
    places = [named("260-3-1-2")]
    assert cells.tell(places, None) is places
