# SPDX-License-Identifier: Apache-2.0
# A report becomes bytes: encoded, sealed once, kept in the outbox. What is resent are those bytes.

from micropython import const

from opaska_protocol import frame, reports
from opaska_protocol.answers import STORED

from .outbox import TELEMETRY, URGENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from opaska_protocol.answers import Answer
    from opaska_protocol.channel import BandChannel

    from .clock import Uptime, WallTime
    from .outbox import Outbox

_REMEMBERED = const(8)  # latest reports whose answers teach the time

# Reports waiting; what room is left (outbox.py) is for carers' visits, and of urgent ones, where
# faults.py sees to it, for alarms.
_PULSES_STOP = const(128)
_WEARING_STOPS = const(192)  # as by a charger's plug that has a loose contact

# These travel without the time if the gateway can date them: the shorter, the sooner.
_SHORT = (reports.ALARM, reports.ANNOUNCED_FALL, reports.FALL_CANCELLED)

LARGEST_BODY = 79  # bytes; the frame around it has at most 49, and a record on flash 128


class Reporter:
    """Numbers the reports of this boot; (boot, seq) is their name for ever."""

    def __init__(
        self, channel: "BandChannel", outbox: "Outbox", uptime: "Uptime", wall: "WallTime"
    ) -> None:
        self.boot = channel.boot
        self.anchored = False  # the gateway can date this boot by itself: time may be left out
        self._channel = channel
        self._outbox = outbox
        self._uptime = uptime
        self._wall = wall
        self._seq = 0
        self._sealed: "list[tuple[int, int, bool]]" = []  # (seq, uptime_ms, whether an anchor)

    def report(self, type_: int, fields: "dict[str, Any]") -> "int | None":
        """Keep a report for sending: its seq, or None: only an urgent one always finds room."""
        return self.keep(type_, self.body(type_, fields))

    def body(self, type_: int, fields: "dict[str, Any]") -> bytes:
        """The body of a report of now, or of its `uptime_ms`; the time is added where the gateway
        needs it."""
        uptime_ms = fields.setdefault("uptime_ms", self._uptime.ms())
        if not (self.anchored and type_ in _SHORT):
            fields["time"] = self._wall.report(uptime_ms)
        return reports.encode_report(type_, fields)

    def keep(self, type_: int, body: bytes) -> "int | None":
        """Seal and keep a body; a seq is used once, whatever comes of it."""
        waiting = len(self._outbox.telemetry)
        if type_ == reports.VITALS and waiting >= _PULSES_STOP:
            return None
        if type_ == reports.WEAR and waiting >= _WEARING_STOPS:
            return None
        self._seq += 1
        seq = self._seq
        sealed = self._channel.seal(seq, body)
        letter = URGENT if reports.is_urgent(type_) else TELEMETRY
        if not self._outbox.put(letter, self.boot, seq, sealed):
            return None
        is_anchor = self._wall.known.is_set() and type_ in (reports.BOOT, reports.HEARTBEAT)
        self._sealed.append((seq, self._uptime.ms(), is_anchor))
        del self._sealed[:-_REMEMBERED]
        return seq

    def sealed_once(self, type_: int, fields: "dict[str, Any]") -> bytes:
        """The frame of a report that is not kept; nor is its seq ever used again."""
        body = self.body(type_, fields)
        self._seq += 1
        return self._channel.seal(self._seq, body)

    def answered(self, answer: "Answer") -> None:
        """A verified answer: STORED frees its report, and the first one may teach the time."""
        if answer.state != STORED:
            return
        if answer.boot != self.boot or answer.generation != self._channel.generation:
            self._free_earlier(answer)
            return
        for sealed in self._sealed:
            if sealed[0] == answer.seq:
                self._learn(sealed, answer.unix_s)
                break
        self._outbox.remove(answer.boot, answer.seq)

    def _free_earlier(self, answer: "Answer") -> None:
        """A report of an earlier boot, which may have had another key: the kept frame tells."""
        for letter in (URGENT, TELEMETRY):
            kept = self._outbox.read(letter, answer.boot, answer.seq)
            if kept and frame.parse_up(kept)[0].generation == answer.generation:
                self._outbox.remove(answer.boot, answer.seq)

    def _learn(self, sealed: "tuple[int, int, bool]", unix_s: "int | None") -> None:
        self._sealed.remove(sealed)
        self.anchored = self.anchored or sealed[2]
        if unix_s is not None:
            self._wall.learn(unix_s, sealed[1], self._uptime.ms())
