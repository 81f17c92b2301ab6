# SPDX-License-Identifier: Apache-2.0
"""One band of a load test: seals reports, verifies answers, keeps and resends as a real one."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opaska_protocol import answers, reports
from opaska_protocol.channel import BandChannel
from opaska_protocol.errors import ProtocolError
from opaska_tools.bench.bare_mqtt import BareMqtt

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_tools.stage.registration import Registered

BOOT = 1  # a load band usually starts once


@dataclass(slots=True)
class Waiting:
    """A sealed report that no verified answer has freed yet."""

    frame: bytes
    urgent: bool
    since_s: float  # time.monotonic() when it left, or should have left
    sent_s: float  # when it was published last


class LoadBand:
    """`on_stored` is told of every verified first STORED, `on_frame` of all that comes down."""

    def __init__(
        self,
        band: Registered,
        on_stored: Callable[[LoadBand, int, float], None] | None = None,
        on_frame: Callable[[LoadBand, bytes], None] | None = None,
        boot: int = BOOT,
    ) -> None:
        self.kid = band.kid
        self.waiting: dict[int, Waiting] = {}  # by seq
        self.accepted = 0  # reports sealed so far: their seq are 1..accepted
        self.alarms = 0  # of them, SOS
        self.answered = 0
        self.states: dict[int, int] = {}  # by seq, of those that got further than STORED
        self.frames = 0  # that came down, repeats included
        self.unverified = 0  # of them, what its key did not open
        self._channel = BandChannel(
            bytes.fromhex(band.kid), band.generation, band.key, boot, secrets.token_bytes(8)
        )
        self.generation = band.generation
        self.account = band.account
        self._booted_s = time.monotonic()
        self._on_stored = on_stored
        self._on_frame = on_frame
        self._mqtt = BareMqtt(self.kid, f"dn/{self.kid}", self._take, self.resend)
        self.up = self._mqtt.up
        self.lost = self._mqtt.lost
        self.connect = self._mqtt.connect
        self.close = self._mqtt.close

    # --- reports ---

    def report(
        self, *, urgent: bool = False, due_s: float | None = None, publish: bool = True
    ) -> int:
        """Seal one report and publish it; `due_s` (time.monotonic) is when it should have left."""
        self.alarms += urgent
        body = _alarm(self.uptime_ms) if urgent else _heartbeat(self.uptime_ms)
        return self.say(body, urgent=urgent, due_s=due_s, publish=publish)

    @property
    def uptime_ms(self) -> int:
        return int((time.monotonic() - self._booted_s) * 1000)

    def say(
        self, body: bytes, *, urgent: bool, due_s: float | None = None, publish: bool = True
    ) -> int:
        """Seal any body and publish it."""
        self.accepted += 1
        seq = self.accepted
        now_s = time.monotonic()
        sealed = self._channel.seal(seq, body)
        waiting = Waiting(sealed, urgent, now_s if due_s is None else due_s, float("-inf"))
        self.waiting[seq] = waiting
        if publish:
            self._send_report(waiting, now_s)
        return seq

    def resend(self, older_than_s: float = 0.0) -> None:
        """Publish again, byte for byte, what was last sent longer ago than that."""
        now_s = time.monotonic()
        for waiting in self.waiting.values():
            if waiting.sent_s <= now_s - older_than_s:
                self._send_report(waiting, now_s)

    def publish(self, frame: bytes, *, urgent: bool = False) -> None:
        """Publish any bytes on a topic of this band."""
        self._mqtt.publish(f"up/{self.kid}/{'a' if urgent else 't'}", frame)

    def _send_report(self, waiting: Waiting, now_s: float) -> None:
        if self.up.is_set():
            waiting.sent_s = now_s
            self.publish(waiting.frame, urgent=waiting.urgent)

    def _take(self, frame: bytes) -> None:
        self.frames += 1
        if self._on_frame is not None:
            self._on_frame(self, frame)
        try:
            answer = answers.decode_answer(self._channel.open(frame))
        except ProtocolError:
            self.unverified += 1
            return
        if answer.boot != self._channel.boot:
            self.unverified += 1
            return
        if answer.state > answers.STORED:
            self.states[answer.seq] = max(answer.state, self.states.get(answer.seq, 0))
        waiting = self.waiting.pop(answer.seq, None)
        if waiting is not None:
            self.answered += 1
            if self._on_stored is not None:
                self._on_stored(self, answer.seq, time.monotonic() - waiting.since_s)


def _heartbeat(uptime_ms: int) -> bytes:
    return reports.encode_report(
        reports.HEARTBEAT,
        {
            "uptime_ms": uptime_ms,
            "battery_percent": 88,
            "battery_mv": 3999,
            "free_bytes": 123_456,
            "build": reports.BENCH,
            "link": reports.CELLULAR,
            "last_dseq": 0,
            "waiting": 0,
            "signal_dbm": -87,
        },
    )


def _alarm(uptime_ms: int) -> bytes:
    return reports.encode_report(
        reports.ALARM,
        {
            "uptime_ms": uptime_ms,
            "kind": reports.SOS,
            "battery_percent": 88,
            "trigger": reports.HOLD,
        },
    )
