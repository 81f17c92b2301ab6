# SPDX-License-Identifier: Apache-2.0
# Pulse and saturation: when they are measured, what is reported, and whether light meets skin.
#
# One measurement lasts two minutes at the most. They come every `pulse_minutes`, sooner again
# after one that the arm spoilt; while an alarm is open one follows the other, later every ten
# minutes; an order brings one at once. Without skin nothing is told, but to an order. What is
# beyond a limit of the wearer's is measured again at once, and decisions/limits.py says whether it
# rings: the alarm first, then the report.
#
# Ways out of a measurement: it is good, its time is over, no skin, taken off, an alarm begins
# (which goes first), a trouble of the chip, an error. In each the light goes out, and driver and
# sense leave the memory until the next.

import asyncio
from array import array

from micropython import const

from opaska_protocol import reports
from opaska_protocol.orders import MEASURE

from . import obey
from .bell import Bell
from .decisions.limits import Limits
from .drivers.max30102 import FULL
from .senses.pulse import GOOD_PERCENT, LONGEST_S
from .unload import unload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Awaitable, Callable

    from opaska_protocol.orders import Order

    from .band import Band

# Troubles besides those of the driver.
_NO_ANSWER = const("no answer")
_SILENT = const("no samples")
_DEAF = const("no interrupt")
_STUCK = const("interrupt stuck")
_CHATTERS = const("interrupt chatters")
_OVERRUN = const("overrun")

_BOOT_MS = const(30_000)  # after the start others need the processor and the bus
_MINUTE_MS = const(60_000)
_AGAIN_MS = const(600_000)  # after a measurement that the arm or a trouble spoilt
_SURE_MS = const(20_000)  # after one beyond a limit, and between those of an open alarm
_OPEN_MS = const(1_800_000)  # so long they follow each other in an open alarm
_GIVEN_MS = const(10_000)  # to an alarm, before the light shines again
_IDLE_MS = const(3_600_000)  # whatever makes it sooner says so: `look`

_LATEST_MS = const(1_000)  # INT falls each 0.68 s
_SILENT_MS = const(2_500)
_POLL_MS = const(500)  # without INT
_FEW = const(8)  # pairs, and wakes in a row with so few
_LOST = const(3)  # gaps in one measurement; a busy processor makes one or two
_BATCH = const(4)  # samples between which other tasks get their turn
_NO_SKIN_MS = const(5_000)
_GLANCE_MS = const(400)  # ten samples
_GLANCED_MS = const(20_000)  # so long a glance is believed while the arm moves
_CLOSEST_MS = const(3_000)  # unless strap and pad have changed since: then only for so long
_PROOF_MS = const(1_800_000)  # and so long a pulse, while no glance was in vain

_NOTHING: "tuple[int, int | None, int | None]" = (0, None, None)  # quality, rate, saturation
_PASSING = (
    "opaska_band.drivers.max30102",
    "opaska_band.senses.pulse",
    "opaska_band.senses.pulse_wave",
)


class Vitals:
    """`on_skin` for whoever wants to know whether light meets skin; `run` is the task."""

    def __init__(self, band: "Band") -> None:
        self.trouble = ""  # what is wrong with the chip now
        self._band = band
        self._uptime = band.uptime
        self._changed = Bell()
        self._woken = asyncio.ThreadSafeFlag()
        self._pairs = array("i", bytes(4 * 2 * 20))
        self._sense: "Any" = None  # while the LEDs shine
        self._chip: "Any" = None  # likewise
        self._best = _NOTHING  # of the last measurement
        self._quality = 0  # of the pulse, in percent
        self._contact: "bool | None" = None
        self._contact_ms = 0  # when that was seen
        self._pulse_ms: "int | None" = None  # the last pulse before it left the skin
        self._is_asked = False  # somebody wants a glance,
        self._asked_ms = 0  # of what is since then
        self._is_ordered = False  # the gateway wants a measurement
        self._is_lit = False  # the LEDs shine, for all that is known
        self._glanced_ms = -_GLANCED_MS
        self._measured_ms: "int | None" = None  # when the last measurement ended
        self._is_spoilt = False  # it had no number
        self._open_ms: "int | None" = None  # since when an alarm is open
        self._limits = Limits()
        obey.take(MEASURE, self._order)

    def on_skin(self, since_ms: int) -> "bool | None":
        """Whether light has met skin since then; None: not known yet, or nobody knows. It may come
        back from a white table, so only where a pulse was not long ago it is skin."""
        now_ms = self._uptime.ms()
        motion = self._band.motion
        still_ms = motion.still_s() * 1000 if motion else 0  # nothing has changed since
        is_old = now_ms - self._contact_ms > max(_GLANCED_MS, still_ms)
        if self._contact is None or is_old or self._contact_ms < since_ms:
            self._is_asked = True
            self._asked_ms = since_ms
            self.look()
            return None
        pulse_ms = self._pulse_ms
        is_proven = pulse_ms is not None and now_ms - pulse_ms < _PROOF_MS
        return None if self._contact and not is_proven else self._contact

    def look(self) -> None:
        """An alarm, its end, the strap or the settings may have changed what is due."""
        self._changed.set()

    def soon(self) -> None:
        """Measure now, if it is measured at all: a limit or a rhythm is new."""
        self._measured_ms = None
        self.look()

    def _order(self, _: "Order") -> None:
        self._is_ordered = True
        self.look()

    async def run(self) -> None:
        await asyncio.sleep_ms(_BOOT_MS)
        while True:
            self._changed.clear()
            wait_ms = self._wait_ms()
            now_ms = self._uptime.ms()
            is_asked = self._is_asked or self._is_lit  # the next glance puts it out
            is_news = self._is_asked and self._asked_ms > self._glanced_ms
            glance_ms = self._glanced_ms + (_CLOSEST_MS if is_news else _GLANCED_MS) - now_ms
            if not wait_ms:
                await self._measure()
            elif is_asked and glance_ms <= 0:
                self._is_asked = False
                self._glanced_ms = now_ms
                await self._shine(self._glance, False)
            else:
                if is_asked:
                    wait_ms = min(wait_ms, glance_ms)
                await self._changed.wait_ms(wait_ms)

    # --- when ---

    def _wait_ms(self) -> int:
        """Until the next measurement, as things are; 0: it is due."""
        self._is_interrupted()
        is_ordered = self._is_ordered
        if not is_ordered and not (self._band.settings.pulse_minutes and self._is_worn()):
            return _IDLE_MS
        now_ms, due_ms = self._uptime.ms(), 0
        if self._open_ms is not None:
            due_ms = self._open_ms + _GIVEN_MS
        if self._measured_ms is not None and not is_ordered:
            due_ms = max(due_ms, self._measured_ms + self._pause_ms(now_ms))
        return max(0, min(due_ms - now_ms, _IDLE_MS))

    def _pause_ms(self, now_ms: int) -> int:
        """Between the last measurement and the next."""
        if self._open_ms is not None:
            return _SURE_MS if now_ms - self._open_ms < _OPEN_MS else _AGAIN_MS
        if self._limits.is_sought(now_ms):
            return _SURE_MS
        pause_ms = self._band.settings.pulse_minutes * _MINUTE_MS
        return min(pause_ms, _AGAIN_MS) if self._is_spoilt else pause_ms

    def _is_interrupted(self) -> bool:
        """Whether an alarm has been opened since the last look."""
        sos = self._band.sos
        if not sos.is_on_its_way and not sos.reports.furthest(self._band.reporter.boot):
            self._open_ms = None
        elif self._open_ms is None:
            self._open_ms = self._uptime.ms()
            self._measured_ms = None
            return True
        return False

    def _is_worn(self) -> bool:
        """In doubt it is: then the light says."""
        wear = self._band.wear
        return wear is None or wear.is_worn

    # --- one measurement ---

    async def _measure(self) -> None:
        self._best, begun_ms = _NOTHING, self._uptime.ms()
        await self._shine(self._until_over, True)
        now_ms = self._uptime.ms()
        if self._open_ms is not None and now_ms - self._open_ms < _GIVEN_MS:
            return  # interrupted: it is begun again soon
        self._measured_ms = now_ms
        quality, bpm, spo2 = self._best
        self._is_spoilt = bpm is None
        is_ordered, self._is_ordered = self._is_ordered, False
        is_seen = self._contact_ms >= begun_ms  # else nothing came from the chip
        if not (is_seen and self._contact) and not is_ordered:
            return
        if bpm is not None:
            self._pulse_ms = now_ms
            for why in self._limits.look(now_ms, self._band.settings, bpm, spo2):
                self._band.sos.sensed(reports.VITALS_LIMIT, {"why": why})
        why = reports.PULSE_BY_SCHEDULE
        if is_ordered:
            why = reports.PULSE_ON_REQUEST
        elif self._open_ms is not None:
            why = reports.PULSE_IN_ALARM
        elif self._limits.is_beyond and not self._is_spoilt:
            why = reports.PULSE_AT_LIMIT
        fields = {
            "heart_rate_bpm": bpm,
            "spo2_percent": spo2,
            "quality_percent": quality or (self._quality if is_seen else 0),
            "why": why,
        }
        self._band.reporter.report(reports.VITALS, fields)

    async def _shine(self, work: "Callable[[], Awaitable[str]]", is_whole: bool) -> None:
        """`work` while the LEDs shine. A trouble is noted; only a whole measurement ends one."""
        from .drivers.max30102 import MAX30102, OximeterError
        from .senses.pulse import PulseSense

        trouble, board = "", self._band.board
        try:
            self._sense = PulseSense()
            self._chip = MAX30102(board.i2c, board.oximeter_int, self._woken.set)
            self._is_lit = True
            self._chip.wake()
            trouble = await work()
        except OSError:
            trouble = _NO_ANSWER
        except OximeterError as error:
            trouble = error.args[0]
        finally:
            trouble = self._darken() or trouble
        if trouble and trouble != self.trouble:
            self._band.faults.note(reports.OXIMETER, trouble)
        if trouble or is_whole:
            self.trouble = trouble

    def _darken(self) -> str:
        """Lights out, and let go of what shone and measured; what was wrong with that."""
        chip, self._chip, self._sense = self._chip, None, None
        unload(*_PASSING)
        try:
            if chip:
                chip.deafen()  # a handler would hold the driver
                chip.sleep()
                self._is_lit = False
        except OSError:
            return _NO_ANSWER
        return ""

    async def _until_over(self) -> str:
        """Until the measurement is over: what was wrong, or nothing."""
        chip, sense, trouble = self._chip, self._sense, ""
        few = lost = 0
        begun_ms = drained_ms = skin_ms = self._uptime.ms()
        while True:
            came = False
            try:
                if not trouble:
                    await asyncio.wait_for_ms(self._woken.wait(), _LATEST_MS)
                    came = True
                else:
                    await asyncio.sleep_ms(_POLL_MS)
            except asyncio.TimeoutError:
                pass
            chip.take_full()
            count = chip.read(self._pairs)
            now_ms = self._uptime.ms()
            if count:
                drained_ms = now_ms
            elif now_ms - drained_ms > _SILENT_MS:
                return _SILENT
            few = few + 1 if count < _FEW else 0
            if chip.overrun:
                chip.overrun = False
                sense.forget()
                lost += 1
            if not trouble and (few > _FEW or (not came and count >= FULL)):
                trouble = _CHATTERS if few else _STUCK if chip.is_raised() else _DEAF
                chip.deafen()
            await self._feed(count)
            if sense.contact:
                skin_ms = now_ms
            is_over = now_ms - begun_ms > LONGEST_S * 1_000 or sense.best[0] >= GOOD_PERCENT
            is_lost = now_ms - skin_ms > _NO_SKIN_MS or not self._is_worn()
            if is_over or is_lost or self._is_interrupted():
                return trouble or (_OVERRUN if lost > _LOST else "")

    async def _feed(self, count: int) -> None:
        motion = self._band.motion
        if motion and not motion.still_s():
            self._sense.disturb()
        for at in range(count):
            self._sense.feed(self._pairs[2 * at], self._pairs[2 * at + 1])
            if at % _BATCH == 0:
                await asyncio.sleep_ms(0)
        if count:
            self._see()

    async def _glance(self) -> str:
        """A moment of light, for contact alone."""
        await asyncio.sleep_ms(_GLANCE_MS)
        count = self._chip.read(self._pairs)
        await self._feed(count)
        return "" if count else _SILENT

    def _see(self) -> None:
        self._contact = self._sense.contact
        self._quality, self._best = self._sense.quality_percent, self._sense.best
        self._contact_ms = self._uptime.ms()
        if not self._contact:
            self._pulse_ms = None
