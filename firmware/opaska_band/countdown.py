# SPDX-License-Identifier: Apache-2.0
# A felt fall on its way to being cancelled or raised: does what decisions/fall.py decides. An SOS
# needs nothing of this; whatever fails here is a fault, and a press is then an SOS at once.
#
# A small file says, through a restart, that an announced fall has no end yet.

from micropython import const

from opaska_protocol import reports

from .bell import Bell
from .decisions import fall
from .guard import attempt, failed
from .senses import press

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .clock import Uptime
    from .faults import Faults
    from .reporter import Reporter
    from .senses.fall import Fall
    from .senses.press import Press
    from .sos import Sos
    from .storage import Storage

_FILE = const("fall")  # generation, boot and seq of the announcement; empty when it has its end
_LOOK_MS = const(1_000)  # after a cancel
_IDLE_MS = const(3_600_000)
_AGAIN_MS = const(60_000)  # a flash that did not take the end of a fall may take it now

_EVENTS = {
    press.DOWN: fall.PRESS,
    press.SHORT: fall.SHORT,
    press.LONG: fall.HELD_5S,
    press.LET_GO: fall.LET_GO,
    press.TOO_LONG: fall.HELD_10S,
}


class Countdown:
    """`signals` may be None, and so may `motion`, which says how the wearer moves, and `evidence`,
    which must hear of every fall."""

    def __init__(
        self,
        reporter: "Reporter",
        sos: "Sos",
        presses: "Press",
        signals: "Any",
        storage: "Storage",
        generation: int,
        uptime: "Uptime",
        faults: "Faults",
    ) -> None:
        self.by_hand = True  # whether the wearer may cancel by holding the button
        self.motion: "Any" = None
        self.evidence: "Any" = None
        self.battery: "Any" = None
        self.announced: "int | None" = None  # seq of the latest announcement
        self._state = fall.IDLE
        self._reporter = reporter
        self._sos = sos
        self._presses = presses
        self._signals = signals
        self._storage = storage
        self._generation = generation
        self._uptime = uptime
        self._faults = faults
        self._fall: "Any" = None  # as felt
        self._of_boot: "int | None" = None  # boot of the announcement, if not this one
        self._begun_ms = 0  # of the countdown, or of the watch after a cancel
        self._beat = -1  # the pulse that was felt last
        self._marked = False  # the file may name an announcement
        self._changed = Bell()
        self._do = {
            fall.ANNOUNCE: self._begin,
            fall.COUNT: self._count,
            fall.FEEL: self._feel,
            fall.CONFIRM: self._confirm,
            fall.CALL: self._call,
            fall.RAISE: self._raise,
            fall.CANCEL: self._cancel,
            fall.STOP: self._stop,
            fall.WATCH: self._watch,
        }

    # --- what happens ---

    def felt(self, felt: "Fall") -> None:
        """The sense feels a fall."""
        is_new = self._state in (fall.IDLE, fall.CANCELLED)
        if is_new:
            self._fall = felt
        attempt("countdown", lambda: self._happen(fall.FALL), self._faults)
        if is_new and self.evidence:
            self.evidence.felt()

    def pressed(self, what: str) -> None:
        """The button, in a countdown. A press that is not understood is an SOS."""
        try:
            self._happen(_EVENTS[what])
        except Exception as error:
            failed("countdown", error, self._faults)
            self._presses.count(False)
            self._sos.press(reports.HOLD)

    @property
    def ends_with(self) -> "int | None":
        """The announcement that an SOS raised now would end."""
        if self._state in (fall.COUNTING, fall.PRESSED, fall.CONFIRMED):
            return self.announced
        return None

    def called(self) -> None:
        """An SOS was raised in another way."""
        if self._state not in (fall.IDLE, fall.CANCELLED):
            self._happen(fall.SOS)

    def resume(self, boot: int) -> None:
        """After a restart in a countdown: the fall is raised now, unless its alarm waits already;
        to be called when those that wait are known."""
        data = self._storage.load(_FILE)
        if not data or len(data) != 10:
            return
        generation, of_boot, of_seq = _numbers(data)
        is_own = generation == self._generation and of_boot != boot
        if is_own and not self._sos.reports.opened_after(of_boot, of_seq):
            self.announced, self._of_boot = of_seq, of_boot
            self._happen(fall.RESTART)
        else:  # it has its end, or was another wearer's
            self._unmark()

    async def run(self) -> None:
        while True:
            wait_ms = self._look()
            self._changed.clear()
            await self._changed.wait_ms(wait_ms)

    # --- what time brings ---

    def _look(self) -> int:
        """What is due; milliseconds until something may be due again."""
        if self._marked and self._state in (fall.IDLE, fall.CANCELLED):
            attempt("countdown", self._unmark, self._faults)
        if self._state == fall.IDLE:
            return _AGAIN_MS if self._marked else _IDLE_MS
        since_ms = self._uptime.ms() - self._begun_ms
        if self._state == fall.CANCELLED:
            self._look_for_stillness(since_ms)
            return _LOOK_MS
        if since_ms >= fall.COUNTDOWN_MS:
            self._happen(fall.DEADLINE)
            return _LOOK_MS
        if self.announced is None:
            attempt("announce", self._announce, self._faults)
        if self._state == fall.COUNTING:
            if self.motion and self.motion.stillness.walking_s >= fall.WALKED_S:
                self._happen(fall.WALKING)
            else:
                self._pulse(since_ms // fall.BEATS_MS)
        return min(fall.BEATS_MS - since_ms % fall.BEATS_MS, fall.COUNTDOWN_MS - since_ms)

    def _pulse(self, beat: int) -> None:
        if beat != self._beat:
            self._beat = beat
            self._play(fall.PULSES[beat * fall.BEATS_MS * len(fall.PULSES) // fall.COUNTDOWN_MS])

    def _look_for_stillness(self, since_ms: int) -> None:
        still_s = self.motion.still_s() if self.motion else 0
        if still_s >= fall.STILL_S and since_ms >= fall.STILL_S * 1000:
            self._happen(fall.STILL)
        elif since_ms >= fall.WATCHED_S * 1000:
            self._happen(fall.WATCH_OVER)

    # --- what is done ---

    def _happen(self, event: str) -> None:
        """No effect waits for another to succeed."""
        self._state, effects = fall.step(self._state, event)
        for effect in effects:
            self._attempt(effect, event)
        self._changed.set()

    def _attempt(self, effect: str, event: str) -> None:
        attempt("countdown", lambda: self._do[effect](event), self._faults)

    def _begin(self, _event: str) -> None:
        self.announced = self._of_boot = None
        self._begun_ms = self._uptime.ms()
        self._announce()

    def _announce(self) -> None:
        left_ms = self._begun_ms + fall.COUNTDOWN_MS - self._uptime.ms()
        fields = {
            "deadline_s": (left_ms + 999) // 1000,  # the gateway may wait longer, not shorter
            "peak_mg": min(self._fall.peak_mg, 0xFFFF),
            "score_percent": self._fall.score_percent,
            "battery_percent": self.battery.percent if self.battery else None,
        }
        seq = self._reporter.report(reports.ANNOUNCED_FALL, fields)
        if seq is not None:  # the outbox never refuses what is urgent
            self.announced = seq
            self._sos.reports.announced = (self._reporter.boot, seq)
            self._marked = True
            self._storage.save(_FILE, _bytes(self._generation, self._reporter.boot, seq))

    def _count(self, _event: str) -> None:
        self._beat = -1
        self._presses.count(self.by_hand)
        if self.motion:
            self.motion.closely = True

    def _feel(self, _event: str) -> None:
        if self._signals:
            self._signals.hold(press.LONG_MS)

    def _confirm(self, _event: str) -> None:
        self._play("confirmed")

    def _call(self, _event: str) -> None:
        self._sos.press(reports.HOLD, self.announced)

    def _raise(self, event: str) -> None:
        fields: "dict[str, Any]" = {"why": fall.WHY[event]}
        if self.announced is not None:
            fields["of_seq"] = self.announced
        if self._of_boot is not None:
            fields["of_boot"] = self._of_boot
        elif self.motion:
            fields["still"] = self.motion.still_s() >= fall.UNMOVED_S
        self._sos.fall(fields)

    def _cancel(self, event: str) -> None:
        if self.announced is not None:
            after_ms = self._uptime.ms() - self._begun_ms
            fields = {"of_seq": self.announced, "reason": fall.REASON[event], "after_ms": after_ms}
            self._reporter.report(reports.FALL_CANCELLED, fields)
        self._play("cancelled")

    def _stop(self, _event: str) -> None:
        self._presses.count(False)
        if self.motion:
            self.motion.closely = False
        if self.evidence:
            attempt("evidence", lambda: self.evidence.settled(self.announced), self._faults)
        self._unmark()

    def _unmark(self) -> None:
        self._marked = not self._storage.save(_FILE, b"")

    def _watch(self, _event: str) -> None:
        self._begun_ms = self._uptime.ms()

    def _play(self, name: str) -> None:
        if self._signals:
            attempt("signals", lambda: self._signals.play(name), self._faults)


def _bytes(generation: int, boot: int, seq: int) -> bytes:
    return generation.to_bytes(2, "big") + boot.to_bytes(4, "big") + seq.to_bytes(4, "big")


def _numbers(data: bytes) -> "tuple[int, int, int]":
    """Generation, boot and seq."""
    generation = int.from_bytes(data[:2], "big")
    return generation, int.from_bytes(data[2:6], "big"), int.from_bytes(data[6:], "big")
