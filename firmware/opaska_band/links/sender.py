# SPDX-License-Identifier: Apache-2.0
"""Sends what waits in the outbox until a STORED removes it. An urgent report is never given up.

Two rounds, urgent and telemetry. A round is a stack of reports, refilled with all that wait when
its time comes; the newest goes first, since what happens now matters more than what happened.
Telemetry goes a few at a time, and one by one with pauses while an urgent report is unanswered,
so that the backlog of an outage never stands between an SOS and the gateway.

A report whose PUBACK is outstanding is not sent again: the client does that if the link breaks.
"""

import time

from micropython import const

from opaska_band.bell import Bell
from opaska_band.outbox import TELEMETRY, URGENT

from . import schedule

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any

    from opaska_band.outbox import Key, Outbox

    from .mqtt import MqttClient, Packet

_URGENT_WINDOW = const(8)  # reports on their way to the broker at a time: 1 kB of heap
_TELEMETRY_WINDOW = const(4)  # half a kilobyte: even at 1 kB/s an SOS waits half a second
_BEHIND_URGENT_MS = const(5_000)  # between two of telemetry while an urgent report is unanswered
_CHANCE_MS = const(5_000)  # that a link gets for an answer
_IDLE_MS = const(3_600_000)  # nothing to do until something happens


class Sender:
    """`outbox` keeps, `client` (MqttClient) carries; `kid_hex` names the band in the topics."""

    def __init__(self, outbox: "Outbox", client: "MqttClient", kid_hex: str) -> None:
        self._outbox = outbox
        self._client = client
        self._topics = {
            URGENT: ("up/%s/a" % kid_hex).encode(),
            TELEMETRY: ("up/%s/t" % kid_hex).encode(),
        }
        self._wake = Bell()
        self._flying: "list[tuple[str, Key, Packet]]" = []  # (letter, key, Packet) without PUBACK
        self._urgent: "list[Key]" = []  # this round's (boot, seq), the next one last
        self._telemetry: "list[Key]" = []
        self._attempt = 0  # of the urgent round
        self._left = False  # the next link is one that we went for
        self._urgent_at = self._telemetry_at = time.ticks_ms()  # ticks of the next refill
        self._asked_at = self._urgent_at  # ticks since when the link owes an answer
        self._heard = 0  # messages that it had brought until then
        self._paused_until = self._urgent_at  # ticks; telemetry behind an urgent report
        outbox.on_put = self._on_put
        client.on_up = self._on_up

    def nudge(self) -> None:
        """Send everything urgent now."""
        self._urgent_at = time.ticks_ms()
        self._client.hurry()
        self._wake.set()

    async def run(self) -> None:
        """For ever: do what is due, sleep until the next deadline or until something happens."""
        while True:
            self._wake.clear()
            await self._wake.wait_ms(self._turn())

    def _on_put(self, letter: str, boot: int, seq: int) -> None:
        if letter == URGENT:
            self._urgent.append((boot, seq))
            self._urgent_at = time.ticks_add(time.ticks_ms(), schedule.urgent_wait_ms(0))
            self._attempt = 1
            self._client.hurry()
        else:
            self._telemetry.append((boot, seq))
        if letter == URGENT or self._outbox.count == 1:
            self._asked_at, self._heard = time.ticks_ms(), self._client.messages
        self._wake.set()

    def _on_up(self) -> None:
        """All of it again. After an outage from the schedule's begin; but a band that goes from
        link to link must not do so for ever at that pace."""
        if not self._left:
            self._attempt = 0
        self._left = False
        self._urgent_at = self._telemetry_at = self._asked_at = time.ticks_ms()
        self._heard = 0
        self._wake.set()

    def _turn(self) -> int:
        """Send what is due; milliseconds until something is due again."""
        self._flying = [flight for flight in self._flying if not flight[2].acked]
        now = time.ticks_ms()
        self._refill(now)
        wait_ms = _IDLE_MS
        if self._client.up.is_set():
            self._send(URGENT, self._urgent, _URGENT_WINDOW)
            wait_ms = self._send_telemetry(now)
        if self._outbox.urgent:
            wait_ms = min(wait_ms, time.ticks_diff(self._urgent_at, now))
        return max(1, min(wait_ms, max(1, time.ticks_diff(self._telemetry_at, now))))

    def _refill(self, now: "Any") -> None:
        if self._outbox.urgent and time.ticks_diff(now, self._urgent_at) >= 0:
            if schedule.try_elsewhere(self._attempt):
                self._leave_a_deaf_link(now)
            self._urgent_at = time.ticks_add(now, schedule.urgent_wait_ms(self._attempt))
            self._attempt += 1
            self._outbox.settle()
            self._urgent = self._not_flying(self._outbox.urgent)
            self._client.hurry()  # without a link the attempt is to get one
        if time.ticks_diff(now, self._telemetry_at) >= 0:
            if self._outbox.telemetry:
                self._leave_a_deaf_link(now)
            self._telemetry_at = time.ticks_add(now, schedule.TELEMETRY_ROUND_MS)
            self._outbox.settle()
            self._telemetry = self._not_flying(self._outbox.telemetry)

    def _leave_a_deaf_link(self, now: "Any") -> None:
        """One that takes everything and has brought nothing since it was asked, or since this was
        looked at last; PUBACK says little about a gateway."""
        if 0 <= time.ticks_diff(now, self._asked_at) < _CHANCE_MS:
            return
        is_deaf = self._client.messages == self._heard
        self._asked_at, self._heard = now, self._client.messages
        if self._client.up.is_set() and is_deaf:
            self._left = True
            self._client.leave()

    def _not_flying(self, keys: "list[Key]") -> "list[Key]":
        flying = [flight[1] for flight in self._flying]
        return [key for key in keys if key not in flying]

    def _send_telemetry(self, now: "Any") -> int:
        """Milliseconds after which telemetry may go on."""
        if not self._outbox.urgent:
            self._send(TELEMETRY, self._telemetry, _TELEMETRY_WINDOW)
            return _IDLE_MS
        pause_ms = time.ticks_diff(self._paused_until, now)
        if pause_ms > _BEHIND_URGENT_MS:
            pause_ms = 0  # long ago: ticks wrap after some days
        if pause_ms <= 0 and self._send(TELEMETRY, self._telemetry, 1, most=1):
            pause_ms = _BEHIND_URGENT_MS
            self._paused_until = time.ticks_add(now, pause_ms)
        return pause_ms if pause_ms > 0 else _IDLE_MS

    def _send(self, letter: str, keys: "list[Key]", limit: int, most: int = _URGENT_WINDOW) -> int:
        """Send the last of `keys`, so that at most `limit` are on their way; how many."""
        sent = 0
        free = limit - len([flight for flight in self._flying if flight[0] == letter])
        while keys and sent < min(free, most):
            key = keys.pop()
            sealed = self._outbox.read(letter, *key)
            if sealed is not None:
                packet = self._client.post(self._topics[letter], sealed, self._wake)
                self._flying.append((letter, key, packet))
                sent += 1
        return sent
