# SPDX-License-Identifier: Apache-2.0
"""One word of the modem, lost or late, costs a link or a place some seconds, whichever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.simulated.chips.eg915u_gnss import Sky
from opaska_protocol.reports import FAULT, FROM_GNSS, POSITION
from tests.band.virtual_band import DIAL_MS, virtual_band, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.simulator.band import SimulatedBand

WORDS = 45  # that a modem says until the first report is out, and some more
MOST_MS = 10_000
LATE_MS = 1_200  # later than any answer is waited for that needs no network
CONNECT = b"CONNECT"
PLACE_WORDS = 14  # until the place of an alarm is out and the receiver off, and some more
SETTLED_MS = 15_000
HOLD_MS = 700


class Throat:
    """Between the modem and its serial port: one word of it is lost, or late with all after it."""

    def __init__(self, band: SimulatedBand, late_ms: float | None) -> None:
        self.word = b""  # that was held up
        self._left = -1
        self._late_ms = late_ms
        self._held: list[bytes] = []
        self._modem = band.circuit.wiring.modem
        assert self._modem.to_host
        self._to_host = self._modem.to_host
        self._modem.to_host = self._say
        self._after = band.time.call_later

    def hold_up(self, number: int) -> None:
        """After so many words from now on."""
        self._left = number

    def _say(self, data: bytes) -> None:
        is_it, self._left = self._left == 0, self._left - 1
        if is_it:
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
    async with virtual_band(folder) as (clock, gateway, band):
        throat = Throat(band, late_ms)
        throat.hold_up(number)
        await band.start()
        await wait_for(clock, gateway, None)
        took_ms = clock.now_ms()
        await clock.run_for(SETTLED_MS)
        assert band.circuit.wiring.modem.sleep.is_asleep, (number, throat.word)
        return throat.word, took_ms


async def place_ms(folder: Path, number: int, late_ms: float | None) -> tuple[bytes, float]:
    """The word that was held up, and how long after an SOS its place came, from the satellites."""
    async with virtual_band(folder) as (clock, gateway, band):
        gnss = band.circuit.wiring.modem.gnss
        gnss.sky, gnss.first_fix_ms = Sky(52.2242667, 21.0123), 0
        throat = Throat(band, late_ms)
        await band.start()
        await wait_for(clock, gateway, None)
        await clock.run_for(SETTLED_MS)
        throat.hold_up(number)
        pressed_ms = clock.now_ms()
        await band.press(HOLD_MS)
        (place,) = await wait_for(clock, gateway, POSITION)
        took_ms = clock.now_ms() - pressed_ms
        assert place.fields["source"] == FROM_GNSS, (number, throat.word)
        await clock.run_for(SETTLED_MS)
        assert not gateway.of_type(FAULT), (number, throat.word)
        assert not gnss.is_on, (number, throat.word)
        return throat.word, took_ms


@pytest.mark.parametrize("late_ms", [None, LATE_MS])
async def test_link_comes_within_seconds_and_lets_the_modem_sleep_whichever_word_is_lost_or_late(
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


@pytest.mark.parametrize("late_ms", [None, LATE_MS])
async def test_place_of_an_alarm_comes_and_is_no_fault_whichever_word_is_lost_or_late(
    tmp_path: Path, late_ms: float | None
) -> None:
    took = {}
    for number in range(PLACE_WORDS):
        word, ms = await place_ms(tmp_path / str(number), number, late_ms)
        took[number, word] = ms
    assert (PLACE_WORDS - 1, b"") in took, "all of them were held up"
    assert max(took.values()) < MOST_MS
