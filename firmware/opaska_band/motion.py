# SPDX-License-Identifier: Apache-2.0
# Samples from the accelerometer to whoever makes sense of them.
#
# Watching: INT1 wakes us at an impact, in free fall, and when 8 s are waiting. Everything is
# drained when the sense can decide on that impact, four seconds later, or 8 s are waiting; four
# times a second in the countdown of a fall, since the wearer may be walking on; and whenever
# somebody waits to hear that the arm is still, at most once a second.
# Dozing: nothing has moved for half a minute, so only a movement wakes us; the chip then still has
# the 9.8 s before. Every five minutes we look whether it lives.
#
# A trouble is reported once, felt, and ends in a new start of the chip. After one, and after any
# gap, the senses start afresh: nothing can be mistaken for a fall because samples are missing.

import asyncio
from array import array

from micropython import const

from opaska_protocol.reports import MOTION_SENSOR

from .drivers.lsm6dso import LSM6DSO, RATE_HZ, WATERMARK, SensorError
from .motion_window import MotionWindow
from .senses.fall_features import AFTER, TICK_HZ
from .senses.stillness import Stillness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .clock import Uptime
    from .faults import Faults

# Troubles besides those of the driver.
_NO_ANSWER = const("no answer")
_SILENT = const("no samples")
_OVERRUN = const("overrun")
_CLOCK = const("clock jumps, or wrong rate")
_NO_INTERRUPT = const("no interrupt")

_BOOT_MS = const(20)  # of the chip, data sheet: 10
_AGAIN_MS = const(2_000)  # after a trouble, for ever
_BATCH = const(16)  # samples between which other tasks get their turn
_GIVE_WAY_MS = const(1_000)  # at a drain, to an SOS: the FIFO is not full before 1.8 s
_GIVEN_MS = const(50)
_CLOSE_MS = const(250)  # between two drains, if they must be close
_DECIDED_MS = AFTER * 1000 // TICK_HZ  # after an impact; before, the sense says nothing about it
_KNOCKED_MS = const(1_200)  # after the first of two knocks,
_CALM_MS = const(1_000)  # which an impact may be that is so long after the last drain
_LATEST_MS = const(9_000)  # without an interrupt: before the FIFO loses samples
_LOOK_MS = const(300_000)  # while dozing, and at an INT1 that was not heard
_DOZE_AFTER_S = const(30)  # of stillness
_JUDGED_MS = const(1_000)  # shorter drains say nothing about the sample rate
_STILL_UP = const(8)  # so often a new impact may fall between draining and looking at INT1
_RATE_OFF_PERCENT = const(20)  # the chip's own oscillator is good for 7
_RATE_OFF_SAMPLES = const(16)  # and so many may lie on either side of a drain
_SOME_MS = const(100)  # five samples


class Motion:
    """`sense` has feed, forget, `watching` and `wait_ms` (senses/fall.py); `on_fall(fall)` hears
    what it feels; `tell` makes a trouble felt; while `is_urgent()` something else needs the
    processor more."""

    def __init__(
        self,
        board: "Any",
        uptime: "Uptime",
        faults: "Faults",
        sense: "Any",
        on_fall: "Callable[[Any], Any]",
        tell: "Callable[[], Any]",
        is_urgent: "Callable[[], bool]",
    ) -> None:
        self.trouble = ""  # what is wrong with the samples now
        self.stillness = Stillness(RATE_HZ)
        self.window = MotionWindow()
        self.wakes = 0  # times the processor had to work on samples
        self.closely = False  # somebody waits for what the arm does: countdown.py
        self.knocks: "Any" = None  # senses/knock.py, for whoever wants to know: `on_knock`
        self.on_knock: "Any" = None
        self.on_moved: "Callable[[], Any] | None" = None  # after a rest, or when nothing is known
        self._board = board
        self._uptime = uptime
        self._faults = faults
        self._sense = sense
        self._on_fall = on_fall
        self._tell = tell
        self._is_urgent = is_urgent
        self._batch = array("h", bytes(_BATCH * 6))
        self._woken = asyncio.ThreadSafeFlag()
        self._chip: "Any" = None
        self._hears = True  # INT1 works
        self._deaf_ms = 0  # since when it does not
        self._still_up = 0  # drains in a row after which INT1 did not fall
        self._drained_ms = 0  # when the FIFO was last empty
        self._hurried = False  # since the last drain
        self._dozed = False  # since the last drain: samples may be missing
        self._dozing_ms: "int | None" = None  # since when; None: watching

    def still_s(self) -> int:
        """For how many seconds, until now, the arm has not moved."""
        if self._dozing_ms is None:
            return self.stillness.still_s
        return self.stillness.still_s + (self._uptime.ms() - self._dozing_ms) // 1000

    def rest_s(self) -> "int | None":
        """As `still_s`; None while nobody knows, since the chip is broken."""
        return self.still_s() if self.trouble in ("", _NO_INTERRUPT) else None

    def hurry(self) -> None:
        """`still_s` is waited for: fetch samples now, and not only when 8 s are waiting."""
        if self._dozing_ms is None and self._uptime.ms() - self._drained_ms >= _CALM_MS:
            self._hurried = True
            self._woken.set()

    async def run(self) -> None:
        await asyncio.sleep_ms(_BOOT_MS)
        while True:
            try:
                self._start()
                while True:
                    await self._watch()
                    await self._doze()
            except OSError:
                trouble = _NO_ANSWER
            except SensorError as error:
                trouble = error.args[0]
            self._note(trouble)
            self._forget()
            await asyncio.sleep_ms(_AGAIN_MS)

    def _start(self) -> None:
        self._chip = LSM6DSO(self._board.i2c, self._board.imu_int1, self._woken.set)
        self._hears = True
        self._dozed = False
        self._forget()
        self._drained_ms = self._uptime.ms()

    def _forget(self) -> None:
        """Samples are missing: nothing is known."""
        self._dozing_ms = None
        self._sense.forget()
        if self.knocks:
            self.knocks.forget()
        self._restart_stillness()
        self.window.restart()

    def _restart_stillness(self) -> None:
        self.stillness.restart()
        if self.on_moved:
            self.on_moved()

    # --- watching ---

    async def _watch(self) -> None:
        """Until nothing has moved for a while."""
        while True:
            if not self._hears and self._uptime.ms() - self._deaf_ms >= _LOOK_MS:
                self._hears, self._still_up = True, 0
            if self.closely or not self._hears:
                await asyncio.sleep_ms(_CLOSE_MS)
            elif self.knocks and self.knocks.wait_ms:
                await asyncio.sleep_ms(self.knocks.wait_ms)
            elif self._sense.watching:
                await asyncio.sleep_ms(max(_CLOSE_MS, self._sense.wait_ms))
            else:
                await self._wait_for_samples()
            await self._give_way()
            await self._drain()
            if self.stillness.still_s >= _DOZE_AFTER_S and self._hears and not self._is_busy():
                return

    def _is_busy(self) -> bool:
        return self.closely or self._sense.watching or self.window.is_recording

    async def _wait_for_samples(self) -> None:
        """Until INT1 rises, and then as long as nothing can be decided or be lost."""
        chip = self._chip
        try:
            if not chip.is_raised():
                await asyncio.wait_for_ms(self._woken.wait(), _LATEST_MS)
        except asyncio.TimeoutError:
            if chip.waiting() >= WATERMARK and not chip.is_raised():
                self._is_deaf()
            return
        if self._hurried and not chip.is_raised():
            return
        room_ms = (WATERMARK - chip.waiting()) * 1000 // RATE_HZ
        is_calm = self.stillness.still_s or self._uptime.ms() - self._drained_ms >= _CALM_MS
        wait_ms = _KNOCKED_MS if self.knocks and is_calm else _DECIDED_MS
        await asyncio.sleep_ms(max(0, min(room_ms, wait_ms)))

    async def _give_way(self) -> None:
        given_ms = 0
        while given_ms < _GIVE_WAY_MS and self._is_urgent():
            await asyncio.sleep_ms(_GIVEN_MS)
            given_ms += _GIVEN_MS

    async def _drain(self) -> None:
        """All samples to the senses."""
        self.wakes += 1
        still_s = self.stillness.still_s
        total = 0
        whole = True
        while True:
            empty_ms = self._uptime.ms()
            count = self._chip.read(self._batch)
            if self._chip.overrun:
                self._missed()
                whole = False
            self._feed(count)
            total += count
            if count < _BATCH:
                break
            await asyncio.sleep_ms(0)
        if self.on_moved and self.stillness.still_s < _DOZE_AFTER_S <= still_s:
            self.on_moved()
        self._chip.take_wake()
        self._still_up = self._still_up + 1 if self._chip.is_raised() else 0
        if self._still_up > _STILL_UP and self._hears:
            self._is_deaf()
        if whole:
            if self._hears and total and not self._still_up:
                self.trouble = ""
            await self._judge(total, empty_ms - self._drained_ms)
        self._drained_ms = empty_ms
        self._dozed = False
        if self._hurried:
            self._hurried = False
            self._woken.clear()  # INT1 itself is asked before the next wait

    def _missed(self) -> None:
        """The FIFO has forgotten samples, as it may while we doze."""
        if not self._dozed:
            self._note(_OVERRUN)
        self._chip.overrun = False
        self._forget()

    def _feed(self, count: int) -> None:
        batch = self._batch
        for at in range(0, 3 * count, 3):
            x, y, z = batch[at], batch[at + 1], batch[at + 2]
            self.window.put(x, y, z)
            self.stillness.feed(x, y, z)
            if self.knocks and self.knocks.feed(x, y, z):
                self.on_knock()
            fall = self._sense.feed(x, y, z)
            if fall is not None:
                self.window.mark(fall.ago_samples)
                self._on_fall(fall)

    async def _judge(self, samples: int, took_ms: int) -> None:
        """Whether so many samples, and no more, can have come in that time."""
        if 0 <= took_ms < _JUDGED_MS:
            return
        expected = took_ms * RATE_HZ // 1000
        if abs(samples - expected) > _RATE_OFF_SAMPLES + expected * _RATE_OFF_PERCENT // 100:
            await asyncio.sleep_ms(_SOME_MS)
            if not self._chip.waiting():
                raise SensorError(_SILENT)
            self._note(_CLOCK)

    # --- dozing ---

    async def _doze(self) -> None:
        """Until something moves."""
        chip = self._chip
        chip.doze()
        self._dozing_ms = self._uptime.ms()
        while not await self._is_moved():
            if chip.read(self._batch) < _BATCH:  # of no interest, but they must be there
                raise SensorError(_SILENT)
            self._sense.forget()
            self.window.restart()
        chip.watch()
        self._dozed = True
        self._dozing_ms = None
        self._restart_stillness()
        self._drained_ms = self._uptime.ms() - chip.waiting() * 1000 // RATE_HZ

    async def _is_moved(self) -> bool:
        """Whether the chip has felt a movement; False after a minute without."""
        try:
            await asyncio.wait_for_ms(self._woken.wait(), _LOOK_MS)
            return True
        except asyncio.TimeoutError:
            is_raised = self._chip.is_raised()
            if self._chip.take_wake() and not is_raised:
                self._is_deaf()
            return is_raised or not self._hears

    # --- troubles ---

    def _is_deaf(self) -> None:
        """INT1 does not reach us: for a while we look by ourselves, often."""
        self._hears = False
        self._deaf_ms = self._uptime.ms()
        self._note(_NO_INTERRUPT)

    def _note(self, trouble: str) -> None:
        """Once when it breaks, or breaks in another way."""
        before, self.trouble = self.trouble, trouble
        if trouble != before and self._faults.note(MOTION_SENSOR, trouble):
            self._tell()
