# SPDX-License-Identifier: Apache-2.0
"""A band's code lies in a ROMFS image and is executed in place, as from the flash of the chip."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from opaska_tools import firmware_build
from opaska_tools.simulator import places
from tests.hardware.conftest import halted, needs_micropython

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hardware.conftest import Boards

SPARED_BYTES = 20_000  # of the heap, by the modules of the whole band


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux grows a stack on demand")
@needs_micropython
async def test_code_is_executed_in_place_or_says_why_not(
    board: Boards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with board("rom") as band:
        [in_place] = await halted(band)
    cramped = tmp_path / "micropython"
    cramped.write_text(f'#!/bin/sh\nulimit -s 1024\nexec {places.micropython()} "$@"\n')
    cramped.chmod(0o755)
    monkeypatch.setattr(places, "micropython", lambda: str(cramped))
    async with board("rom") as band:
        *reasons, on_heap = await halted(band)
    assert [reason.split(":")[0] for reason in reasons] == [
        "/board cannot be executed in place and goes to the heap",
        "/rom cannot be executed in place and goes to the heap",
    ]
    assert _heap(in_place) + SPARED_BYTES < _heap(on_heap)


def test_image_is_what_mpremote_makes_of_the_same_files(tmp_path: Path) -> None:
    built = firmware_build.built(*firmware_build.BAND, link=True)
    image = tmp_path / "image.romfs"
    mpremote = [sys.executable, "-m", "mpremote"]
    subprocess.run([*mpremote, "romfs", "-o", image, "build", built / "files"], check=True)
    assert image.read_bytes() == (built / "image.romfs").read_bytes()


def test_the_same_sources_give_the_same_image_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = firmware_build.built(*firmware_build.BAND, link=True)
    monkeypatch.setattr(firmware_build, "_KEPT_IN", tmp_path)
    second = firmware_build.built(*firmware_build.BAND, link=True)
    assert second.name == first.name
    assert (second / "image.romfs").read_bytes() == (first / "image.romfs").read_bytes()


def _heap(line: str) -> int:
    found = re.fullmatch(r"heap (\d+) /rom/opaska_band/band.mpy", line)
    assert found, line
    return int(found[1])
