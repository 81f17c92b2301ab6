# SPDX-License-Identifier: Apache-2.0
"""Recordings through the simulated chip, its FIFO and the firmware end in the decision that the
detector takes on the recording itself, and within five seconds of the impact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opaska_band.senses.fall import FallSense
from opaska_tools.body_model import STORIES, shipped
from opaska_tools.falls.recordings import read_index
from opaska_tools.simulator.clock import ClockService
from tests.hardware.conftest import needs_micropython

if TYPE_CHECKING:
    from opaska_tools.falls.recordings import Recording
    from opaska_tools.simulator.band import SimulatedBand
    from tests.hardware.conftest import Boards

pytestmark = needs_micropython

DATA = Path(__file__).parents[3] / "shared" / "data"
HELD_S = 6  # the last sample, which the wearer holds as well
APART_S = 45  # between two recordings: the processor dozes before the next one
LONGEST_S = 120  # a night is for another test
DECIDED_S = 4.1  # after the impact; a tenth is ours


def decides(recording: Recording) -> bool:
    """Whether the detector calls it a fall, sample by sample at its own rate."""
    sense = FallSense(recording.rate_hz)
    samples = recording.read().tolist()
    samples += [samples[-1]] * round(HELD_S * recording.rate_hz)
    return any(sense.feed(*sample) is not None for sample in samples)


async def goes_through(
    band: SimulatedBand, clock: ClockService, recording: Recording
) -> list[float]:
    """When each of its falls was felt, in s of the recording."""
    before = len(band.log)
    begin_ms = await band.wear(recording)
    await clock.run_for((recording.count / recording.rate_hz + HELD_S + APART_S) * 1000)
    lines = [line.split() for line in list(band.log)[before:]]
    assert not [line for line in lines if line[0] != "fall"]
    return [(int(at_ms) - begin_ms) / 1000 for _, at_ms in lines]


async def compare(board: Boards, recordings: list[Recording]) -> int:
    """How many falls were felt through the chip; they are those felt directly."""
    falls = 0
    async with ClockService() as clock, board("falls", virtual_clock=clock) as band:
        await band.wait_log("ready")
        for recording in recordings:
            felt = await goes_through(band, clock, recording)
            assert bool(felt) == decides(recording), recording.name
            falls += len(felt)
            for at_s in felt[:1]:
                assert recording.peak_s is not None
                assert abs(at_s - DECIDED_S - recording.peak_s) < 1.5, recording.name
    return falls


async def test_the_shipped_movements_are_decided_as_without_the_chip(board: Boards) -> None:
    recordings = [shipped(name) for name in STORIES]
    short = [r for r in recordings if r.count / r.rate_hz < LONGEST_S]
    assert len(short) == len(STORIES) - 1
    assert await compare(board, short) == 2, "two hard falls; the slump is too soft"


@pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not here: ../shared/data")
async def test_recorded_falls_are_decided_as_without_the_chip(board: Boards) -> None:
    index = read_index(DATA)
    falls = [r for r in index if r.dataset in ("weda", "umafall") and r.is_fall]
    daily = [r for r in index if r.dataset == "weda" and not r.is_fall]
    assert await compare(board, falls[::40] + daily[::80]) >= 6
