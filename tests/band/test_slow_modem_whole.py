# SPDX-License-Identifier: Apache-2.0
"""A modem's word that is lost or late costs the link some seconds, whichever word it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.clock import ClockService
from tests.band.conftest import KEY, KID
from tests.support.small_gateway import SmallGateway

if TYPE_CHECKING:
    from pathlib import Path

WORDS = 45  # that a modem says until the first report is out, and some more
MOST_MS = 10_000
LATE_MS = 1_200  # later than any answer is waited for that needs no network
CONNECT = b"CONNECT"
DIAL_MS = 60_000  # the network may take so long; and so a CONNECT that is lost is waited for


class Throat:
    """Between the modem and its serial port: one word of it is lost, or late with all after it."""

    def __init__(self, band: SimulatedBand, number: int, late_ms: float | None) -> None:
        self.word = b""  # that was held up
        self._left = number
        self._late_ms = late_ms
        self._held: list[bytes] = []
        self._modem = band.circuit.wiring.modem
        assert self._modem.to_host
        self._to_host = self._modem.to_host
        self._modem.to_host = self._say
        self._after = band.time.call_later

    def _say(self, data: bytes) -> None:
        self._left -= 1
        if self._left == -1:
            self.word = data
            if self._late_ms is not None:
                self._held.append(data)
                self._after(self._late_ms, self._release)
        elif self._held:
            self._held.append(data)
        else:
            self._to_host(data)

    def _release(self) -> None:
        held, self._held = self._held, []
        for data in held:
            self._to_host(data)


async def link_ms(folder: Path, number: int, late_ms: float | None) -> tuple[bytes, float]:
    """The word that was held up, and how long after power-up the first report came."""
    async with (
        ClockService() as clock,
        SmallGateway(KID, 1, KEY) as gateway,
        SimulatedBand(folder, gateway.address, virtual_clock=clock) as band,
    ):
        band.provision(KID, 1, KEY)
        throat = Throat(band, number, late_ms)
        await band.start()
        while not gateway.arrivals and clock.now_ms() < 2 * DIAL_MS:
            await clock.run_for(500)
            await asyncio.sleep(0)
        return throat.word, clock.now_ms()


@pytest.mark.parametrize("late_ms", [None, LATE_MS])
async def test_link_comes_within_seconds_whichever_word_is_lost_or_late(
    tmp_path: Path, late_ms: float | None
) -> None:
    took = {}
    for number in range(WORDS):
        word, ms = await link_ms(tmp_path / str(number), number, late_ms)
        took[number, word] = ms
    assert (WORDS - 1, b"") in took, "all of them were held up"
    slow = {
        name: ms
        for name, ms in took.items()
        if ms > MOST_MS + (DIAL_MS if CONNECT in name[1] else 0)
    }
    assert not slow
