# SPDX-License-Identifier: Apache-2.0
"""What flash and NVS keep over a restart, a cut in the middle of a write, and faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from opaska_tools.simulator.identity import read_nvs
from tests.hardware.conftest import halted, needs_micropython

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.simulator.band import SimulatedBand
    from tests.hardware.conftest import Boards

pytestmark = needs_micropython

NOTHING, HALF, SOME_BITS = range(3)
BLOCK = 4096


async def test_nvs_keeps_what_was_committed(board: Boards, tmp_path: Path) -> None:
    async with board("nvs") as band:
        assert (await halted(band))[-1] == "done"
    assert read_nvs(tmp_path / "band")["opaska"] == {"boot": -5, "kid": "0001feff"}


async def test_an_identity_is_added_to_what_the_nvs_holds(board: Boards, tmp_path: Path) -> None:
    async with board("nvs") as band:
        await halted(band)
        band.provision(bytes(range(8)), 3, bytes(16), tls=True, brokers="a:1,b:2")
    assert read_nvs(tmp_path / "band")["other"] == {"boot": 7}
    values = read_nvs(tmp_path / "band")["opaska"]
    assert values["boot"] == 0, "never started"
    assert values["kid"] == "0001020304050607"
    assert (values["gen"], values["tls"], values["build"]) == (3, 1, 1)
    assert bytes.fromhex(values["broker"]) == b"a:1,b:2"


async def test_the_flash_keeps_files_over_restarts(board: Boards, tmp_path: Path) -> None:
    async with board("files") as band:
        assert "formatting" in await halted(band)
        await band.restart()
        lines = await halted(band)
    assert lines[lines.index("done") + 1] == "found 1 3"
    assert (tmp_path / "band" / "flash.img").stat().st_size == 64 * BLOCK


@pytest.mark.parametrize("mode", [NOTHING, HALF, SOME_BITS])
async def test_power_can_be_cut_during_any_step_and_the_file_system_survives(
    board: Boards, mode: int
) -> None:
    async with board("files") as band:
        await halted(band)
        steps = 0
        cut_short = 0
        while True:
            band.log.clear()
            await band.power_cut()
            await band.flash_cut(steps, mode)
            await band.start()
            await band.until(lambda: band.state in ("off", "halted") or None, 20, "the end")
            cut_short += band.state == "off"
            story = list(band.log)
            assert not any("Traceback" in line for line in story), "\n".join(story)
            expected, perhaps = _expected(story)
            band.log.clear()
            await band.power_cut()
            await band.flash_cut(0, NOTHING)  # only to look: nothing may change
            await band.start()
            found = await _found(band)
            assert expected - perhaps <= found <= expected | perhaps, (steps, story)
            if story[-1] == "done":
                break
            steps += 2
    assert cut_short >= 4


async def _found(band: SimulatedBand) -> set[str]:
    line = await band.wait_log("found")
    await band.until(lambda: band.state == "off" or None, 20, "the first write")
    return set(line.split()[1:])


def _expected(story: list[str]) -> tuple[set[str], set[str]]:
    """Files that must be there after this story, and those that were being changed."""
    files: set[str] = set()
    changing: set[str] = set()
    for line in story:
        word, _, rest = line.partition(" ")
        if word == "found":
            files = set(rest.split())
        elif word in ("writing", "removing"):
            changing = {rest}
        elif word == "written":
            files |= {rest}
            changing = set()
        elif word == "removed":
            files -= {rest}
            changing = set()
    return files, changing


async def test_a_torn_step_leaves_what_its_mode_says(board: Boards, tmp_path: Path) -> None:
    """The first step on a blank flash is an erase, the second programs a superblock."""
    images: list[bytes] = []
    for mode in (NOTHING, HALF, SOME_BITS):
        folder = tmp_path / str(mode)
        async with board("files", on=False, folder=folder) as band:
            await band.flash_cut(1, mode)
            await band.start()
            await band.wait_off()
        images.append((folder / "flash.img").read_bytes())
    nothing, half, some = images
    assert nothing == b"\xff" * len(nothing)
    written = len(half.rstrip(b"\xff"))
    assert written > 0
    assert len(some.rstrip(b"\xff")) > written, "some bits along the whole length"
    assert half != some


async def test_programming_only_clears_bits(board: Boards, tmp_path: Path) -> None:
    async with board("files") as band:
        await halted(band)
    image = tmp_path / "band" / "flash.img"
    image.write_bytes(bytes(64 * BLOCK))  # all bits programmed: only an erase could help
    async with board("files") as band:
        await halted(band)
        assert await band.until(lambda: "formatting" in band.log or None, 1, "formatting")


@pytest.mark.parametrize(
    ("fault", "printed"),
    [
        ("unreadable", ["errno 5"]),
        ("full", ["mounted", "errno 36"]),  # littlefs: no room for the name of a new file
        ("read_only", ["mounted", "errno 30"]),
    ],
)
async def test_a_failing_flash_says_so_and_recovers(
    board: Boards, fault: Literal["unreadable", "full", "read_only"], printed: list[str]
) -> None:
    async with board("files") as band:
        await halted(band)
    async with board("faults", on=False) as band:
        await band.flash_fault(fault)
        await band.start()
        lines = await halted(band)
        assert lines == printed
        band.log.clear()
        await band.flash_fault(None)
        await band.restart()
        await band.until(lambda: band.state == "halted" or None, 10, "the end")
        assert list(band.log)[:2] == ["mounted", "written"]


async def test_steps_are_counted_so_that_every_one_can_be_cut(board: Boards) -> None:
    async with board("pins") as band:
        await band.wait_log("ready")
        assert await band.flash_steps() == 0
    with pytest.raises(RuntimeError, match="the band is off"):
        await band.flash_steps()
