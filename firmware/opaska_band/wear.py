# SPDX-License-Identifier: Apache-2.0
# Whether the band is worn, from the strap's signals to the gateway: does what decisions/wearing.py
# and decisions/inactivity.py decide, reminds by day of a band that lies about, tells heartbeats.
#
# A small file says through a restart how it was worn.

import asyncio

from micropython import const

from opaska_protocol import reports

from .clock import until_feed_ms
from .decisions import wearing
from .decisions.inactivity import Inactivity
from .drivers.strap import Strap
from .guard import attempt
from .senses.wearing import Wearing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .band import Band

_FILE = const("wear")  # generation, state, count of the pad in air
_AIR_COUNT = const(30_000)  # of the pad of band v1, until it has learnt its own
_AIR_LEAST = const(20_000)  # with more or less its counts would be none (senses/pad.py)
_AIR_MOST = const(45_000)

_CALM_MS = const(10_000)  # a look that has so much time comes as the watchdog is fed
_SETTLE_MS = const(60)  # after an edge: 100 nF on the loop
_LISTEN_MS = const(60_000)  # a contact that chatters is heard again after so long
_MOVED_S = const(10)  # longer than any pause between two looks
_HOUR_MS = const(3_600_000)
_CHARGED_MS = const(3 * 3_600_000)  # by day: a cell is full after two hours
_REMIND_MS = const(1_800_000)
_VAGUE_S = const(1_800)  # of the wall time: then it is not known whether it is day

# Troubles.
_STUCK = const("pad stuck")
_CHATTERS = const("loop chatters")
_SILENT = const("loop silent")


class Wear:
    """`optical` may become a function: whether the oximeter's light has met skin since that
    uptime in ms; None: unknown."""

    def __init__(self, band: "Band") -> None:
        self.optical: "Any" = None
        self.trouble = ""  # what is wrong with the signals now
        self._band = band
        self._board = band.board
        self._uptime = band.uptime
        self._edge = asyncio.ThreadSafeFlag()
        self._strap = Strap(
            self._board.strap_loop, self._board.strap_sense, self._board.strap_pad, self._edge.set
        )
        self._charger = self._board.charger_status
        self._charger.handler = lambda _: self._edge.set()
        if band.motion:
            band.motion.on_moved = self._edge.set
        self._state, air = self._load()
        self._sense = Wearing(air)
        self._inactivity = Inactivity()
        self._is_known = False  # how it is worn: by what it looks like since the start
        self._was_noisy = False  # before the strap was listened to again
        self._looked_ms = self._listened_ms = self._uptime.ms()
        self._lifted_ms = self._looked_ms
        self._reminded_ms = 0
        self._charged_ms = 0  # by day, without a pause

    async def run(self) -> None:
        while True:
            wait_ms = self._look()
            if wait_ms >= _CALM_MS:
                wait_ms = until_feed_ms()
            try:
                await asyncio.wait_for_ms(self._edge.wait(), wait_ms)
                await asyncio.sleep_ms(_SETTLE_MS)
            except asyncio.TimeoutError:
                pass

    def tell(self, fields: "dict[str, Any]") -> None:
        """What a heartbeat says of it."""
        if not self._is_known:
            return
        fields["wear"] = self._told(self._state)
        if self.is_worn and self._band.motion:
            fields["still_min"] = min(self._band.motion.still_s() // 60, 0xFFFF)

    @property
    def is_worn(self) -> bool:
        return self._state in (reports.WORN, reports.LOOSE)

    # --- one look ---

    def _look(self) -> int:
        """What is, and what it means; milliseconds until the next look."""
        now_ms = self._uptime.ms()
        took_ms = now_ms - self._looked_ms
        self._looked_ms = now_ms
        motion = self._band.motion
        still_s = motion.rest_s() if motion else None
        looks = self._feel(now_ms, still_s)
        if looks:
            self._is_known = True
            self._happen(looks)
        if self._state == wearing.LIFTED and now_ms - self._lifted_ms >= wearing.LIFTED_MS:
            self._happen(wearing.LATE)
        is_day = self._is_day(now_ms)
        self._watch_charging(took_ms, is_day)
        self._remind(now_ms, is_day)
        self._watch_stillness(took_ms, still_s, is_day)
        if self._state == wearing.LIFTED:
            late_ms = self._lifted_ms + wearing.LIFTED_MS - self._uptime.ms()
            return max(0, min(self._sense.wait_ms, late_ms))
        return self._sense.wait_ms

    def _feel(self, now_ms: int, still_s: "int | None") -> int:
        """What it looks like, for certain; 0: nothing is certain."""
        sense, strap = self._sense, self._strap
        contact = None
        if self.optical and sense.needs_light:
            since_ms = sense.parted_ms
            contact = attempt("optical", lambda: self.optical(since_ms), self._band.faults)
        if now_ms - self._listened_ms >= _LISTEN_MS:
            self._listened_ms = now_ms
            self._was_noisy = strap.is_noisy
            strap.listen()
        loop_mv = strap.loop_mv()
        looks = sense.look(
            now_ms,
            self._band.settings.strap_profile,
            loop_mv,
            strap.pad_count(),
            contact,
            self._charger.value() == 0,
            still_s,
        )
        if sense.needs_rest and self._band.motion:
            self._band.motion.hurry()
        self._note(self._wrong(loop_mv))
        return looks

    def _wrong(self, loop_mv: "int | None") -> str:
        """A contact has chattered until it was quiet for a while."""
        if self._strap.is_noisy or self._was_noisy:
            return _CHATTERS
        if loop_mv is None:
            return _SILENT
        return _STUCK if self._sense.pad.is_stuck else ""

    def _note(self, trouble: str) -> None:
        """Once when it breaks, or breaks in another way."""
        if trouble and trouble != self.trouble:
            self._band.faults.note(reports.STRAP_SENSOR, trouble)
        self.trouble = trouble

    # --- what happens ---

    def _happen(self, event: int) -> None:
        """The alarm first; no part waits for another to succeed."""
        before = self._state
        self._state, what = wearing.step(before, event)
        if what == wearing.RAISE and self._band.settings.wear_alarm:
            attempt("strap", self._raise, self._band.faults)
        if what != wearing.NOTHING:
            attempt("wear", lambda: self._report(before), self._band.faults)
            self._reminded_ms = self._lifted_ms = self._uptime.ms()
        if before != self._state:
            self._save()
            if self._band.vitals:
                self._band.vitals.look()

    def _raise(self) -> None:
        is_cut = self._state == reports.CUT
        why = reports.WHY_CUT if is_cut else reports.WHY_TAKEN_OFF
        self._band.sos.sensed(reports.STRAP, {"why": why})

    def _report(self, before: int) -> None:
        fields = {
            "state": self._told(self._state),
            "since_ms": self._sense.since_ms,
            "before": self._told(before) if before else None,
            "evidence": self._sense.evidence,
        }
        self._band.reporter.report(reports.WEAR, fields)

    def _told(self, state: int) -> int:
        """As a report says it."""
        return reports.TAKEN_OFF if state in (wearing.NEW, wearing.LIFTED) else state

    # --- what time brings ---

    def _is_day(self, now_ms: int) -> bool:
        """Whether these are awake hours of the wearer; False while nobody knows."""
        wall = self._band.wall.report(now_ms)
        if wall is None or wall[2] > _VAGUE_S:
            return False
        settings = self._band.settings
        minute = (wall[1] // 60 + settings.utc_offset_min) % 1_440
        return settings.awake_from <= minute < settings.awake_to

    def _watch_charging(self, took_ms: int, is_day: bool) -> None:
        if self._state != reports.CHARGING:
            self._charged_ms = 0
        elif is_day:
            before_ms = self._charged_ms
            self._charged_ms += took_ms
            if before_ms < _CHARGED_MS <= self._charged_ms:
                self._band.faults.note(reports.CHARGED_TOO_LONG)
                self._reminded_ms -= _REMIND_MS

    def _remind(self, now_ms: int, is_day: bool) -> None:
        lies_about = self._state in (reports.TAKEN_OFF, wearing.LIFTED)
        if not lies_about and self._charged_ms < _CHARGED_MS:
            return
        if is_day and now_ms - self._reminded_ms >= _REMIND_MS:
            self._reminded_ms = now_ms
            if self._band.signals:
                attempt("signals", lambda: self._band.signals.play("put_on"), self._band.faults)

    def _watch_stillness(self, took_ms: int, still_s: "int | None", is_day: bool) -> None:
        is_moved = still_s is None or still_s < _MOVED_S or not self.is_worn
        limit_ms = self._band.settings.inactive_hours * _HOUR_MS
        if self._inactivity.look(took_ms, is_moved, is_day, limit_ms):
            self._band.sos.sensed(reports.INACTIVE, {})

    # --- through a restart ---

    def _load(self) -> "tuple[int, int]":
        """State and the pad's count in air."""
        data = self._band.storage.load(_FILE)
        if not data or len(data) != 6:
            return wearing.NEW, _AIR_COUNT
        air = int.from_bytes(data[3:], "big")
        if not _AIR_LEAST <= air <= _AIR_MOST:
            air = _AIR_COUNT
        is_ours = int.from_bytes(data[:2], "big") == self._band.identity.generation
        return (data[2] if is_ours and data[2] <= wearing.LIFTED else wearing.NEW), air

    def _save(self) -> None:
        generation = self._band.identity.generation.to_bytes(2, "big")
        data = generation + bytes((self._state,)) + self._sense.pad.air.to_bytes(3, "big")
        self._band.storage.save(_FILE, data)
