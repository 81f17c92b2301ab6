# SPDX-License-Identifier: Apache-2.0
"""LSM6DSO accelerometer, by the register table of ST's data sheet and AN5192: FIFO with tags,
wake-up and free-fall on INT1. Its gyroscope shows no rotation. Runs on CPython, in the supervisor.

It is lazy: samples are taken when somebody looks at it, or when INT1 may change.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

from .lsm6dso_events import (
    CTRL8_XL,
    FREE_FALL,
    TAP_CFG0,
    WAKE_UP_DUR,
    WAKE_UP_THS,
    Events,
)
from .lsm6dso_fifo import (
    FIFO_CTRL1,
    FIFO_CTRL2,
    FIFO_CTRL3,
    FIFO_CTRL4,
    FIFO_WORDS,
    Fifo,
)
from .lsm6dso_samples import CTRL1_XL, Body, Raw, Samples

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CTRL1_XL",
    "CTRL8_XL",
    "FIFO_CTRL1",
    "FIFO_CTRL2",
    "FIFO_CTRL3",
    "FIFO_CTRL4",
    "FREE_FALL",
    "TAP_CFG0",
    "WAKE_UP_DUR",
    "WAKE_UP_THS",
]

FUNC_CFG_ACCESS = 0x01  # its upper two bits choose the bank of registers
INT1_CTRL = 0x0D
WHO_AM_I = 0x0F
CTRL3_C = 0x12
ALL_INT_SRC = 0x1A
WAKE_UP_SRC = 0x1B
STATUS_REG = 0x1E
OUT_TEMP_L = 0x20
OUTX_L_A = 0x28
FIFO_STATUS1 = 0x3A
FIFO_STATUS2 = 0x3B
TAP_CFG2 = 0x58
MD1_CFG = 0x5E
FIFO_DATA_OUT_TAG = 0x78

BOOT_MS = 10  # from power-on until it answers
_AFTER_RESET = {0x02: 0x3F, WHO_AM_I: 0x6C, CTRL3_C: 0x04, 0x18: 0xE0}
_READ_ONLY = (
    {WHO_AM_I, FIFO_STATUS1, FIFO_STATUS2} | set(range(0x1A, 0x2E)) | set(range(0x78, 0x7F))
)
_SW_RESET, _IF_INC, _INT_ACTIVE_LOW = 0x01, 0x04, 0x20  # in CTRL3_C
_AHEAD = 52  # samples that are looked at in advance while something moves
_SKIPPED_FROM = FIFO_WORDS + 64  # samples at rest beyond which the older ones need not be taken


# What may be wrong with the chip.
FAULTS = (
    "silent",  # it does not answer
    "identity",  # it is another chip
    "stopped",  # no samples come any more
    "stuck",  # always the same sample
    "disorder",  # words of the FIFO change places
    "parity",  # tags are damaged
    "unwired",  # INT1 does not reach the processor
)


class LSM6DSO:
    """`on_int1` is told the level of INT1 whenever it changes."""

    ADDRESS = 0x6A

    def __init__(
        self,
        now_ms: Callable[[], float],
        after: Callable[[float, Callable[[], None]], None],
        body: Body,
    ) -> None:
        self.on_int1: Callable[[bool], None] | None = None
        self.fault: str | None = None  # one of FAULTS
        self._now_ms = now_ms
        self._after = after
        self._body = body
        self._answers_from_ms = 0.0
        self._int1 = False
        self._released = False  # the latched sources were read: INT1 may rise earlier than planned
        self._planned_ms = math.inf  # when INT1 may change, if that is being waited for
        self._pointer = 0
        self._registers = bytearray(128)
        self.samples = Samples(self._registers, body)
        self._taken = 0  # samples at the present output data rate
        self._latest: Raw = (0, 0, 0)
        self._unread = False
        self._reset()

    # --- supply, bus and world ---

    def power_on(self) -> None:
        """The supply is there again: everything is forgotten."""
        self._answers_from_ms = self._now_ms() + BOOT_MS
        self._reset()

    def power_off(self) -> None:
        """The supply is gone."""
        self._reset()
        self._drive_int1()

    @property
    def answers(self) -> bool:
        """Whether it acknowledges its address."""
        return self.fault != "silent" and self._now_ms() >= self._answers_from_ms

    def write(self, data: bytes) -> bool:
        """A write on the bus: register, then bytes."""
        self.catch_up()
        self._pointer = data[0]
        for byte in data[1:]:
            self._write_byte(self._pointer, byte)
            self._step_pointer()
        if len(data) > 1:
            self.changed()
        return True

    def read(self, count: int) -> bytes:
        """A read on the bus, from where the last write left the pointer."""
        self.catch_up()
        data = bytearray()
        for _ in range(count):
            data.append(self._read_byte(self._pointer))
            self._step_pointer()
        self._drive_int1()
        if self._released:
            self._look_ahead()
        return bytes(data)

    def catch_up(self) -> None:
        """Take all samples until now: to be called before any change of the world."""
        due = self._due()
        if due - self._taken > _SKIPPED_FROM and self._may_skip():
            self._taken = due - _SKIPPED_FROM
            self.samples.forget()
            self._events.rest(self.samples.in_mg(self.samples.take(self._taken)))
        while self._taken < due:
            self._take()
        self._drive_int1()

    def changed(self) -> None:
        """The world is another one from now on."""
        self.samples.forget()
        self._drive_int1()
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Be there when INT1 changes next."""
        self._released = False
        at_ms = self._next_change_ms()
        if at_ms < self._planned_ms:
            self._planned_ms = at_ms
            self._after(math.ceil(at_ms - self._now_ms()), lambda: self._ring(at_ms))

    # --- registers ---

    def _reset(self) -> None:
        self._registers[:] = bytes(128)
        for register, value in _AFTER_RESET.items():
            self._registers[register] = value
        self._other_banks = {bank: bytearray(128) for bank in (0x40, 0x80, 0xC0)}
        self._events = Events(self._registers)
        self._fifo = Fifo(self._registers)
        self._start(0)

    def _step_pointer(self) -> None:
        if self._pointer == FIFO_DATA_OUT_TAG + 6:
            self._pointer = FIFO_DATA_OUT_TAG
        elif self._registers[CTRL3_C] & _IF_INC:
            self._pointer = self._pointer + 1 & 0x7F

    def _write_byte(self, register: int, byte: int) -> None:
        bank = self._registers[FUNC_CFG_ACCESS] & 0xC0
        if bank and register != FUNC_CFG_ACCESS:
            self._other_banks[bank][register] = byte
        elif register == CTRL3_C and byte & _SW_RESET:
            self._reset()
        elif register not in _READ_ONLY:
            before = self._registers[register]
            self._registers[register] = byte
            if register == CTRL1_XL and (before ^ byte) & 0xF0:
                self._start(byte >> 4)
            elif register == FIFO_CTRL4:
                self._fifo.mode_changed()

    def _read_byte(self, register: int) -> int:
        bank = self._registers[FUNC_CFG_ACCESS] & 0xC0
        if bank and register != FUNC_CFG_ACCESS:
            return self._other_banks[bank][register]
        if register == WHO_AM_I and self.fault == "identity":
            return 0x6B
        if OUT_TEMP_L <= register < OUTX_L_A + 6:
            return self._output(register)
        if FIFO_DATA_OUT_TAG <= register <= FIFO_DATA_OUT_TAG + 6:
            if register == FIFO_DATA_OUT_TAG:
                self._fifo.next(self.fault)
            return self._fifo.word[register - FIFO_DATA_OUT_TAG]
        source = _SOURCES.get(register)
        return source(self) if source else self._registers[register]

    def _output(self, register: int) -> int:
        if register < OUTX_L_A or not self._taken:
            return 0  # 25 degrees, no rotation
        self._unread = self._unread and register != OUTX_L_A + 5
        return _bytes(self._latest)[register - OUTX_L_A]

    def _all_sources(self) -> int:
        sources = bool(self._events.wake_axes) << 1 | self._events.free_fall
        self._release()
        return sources

    def _wake_up_source(self) -> int:
        axes = self._events.wake_axes
        source = self._events.free_fall << 5 | bool(axes) << 3 | axes
        self._release()
        return source

    def _release(self) -> None:
        self._events.release()
        self._released = True

    def _status(self) -> int:
        return int(self._unread)

    def _fifo_level(self) -> int:
        return self._fifo.level()

    def _fifo_status(self) -> int:
        return self._fifo.status()

    # --- samples ---

    def _start(self, odr: int) -> None:
        """A new output data rate."""
        self.samples.start(odr, self._now_ms())
        self._taken = 0
        self._unread = False

    def _due(self) -> int:
        """Which sample is the latest one; none comes any more if it is broken so."""
        if self.fault not in ("stopped", "stuck"):
            self.samples.frozen_at = None
        elif self.samples.frozen_at is None:
            self.samples.frozen_at = self._taken
        return self._taken if self.fault == "stopped" else self.samples.due(self._now_ms())

    def _take(self) -> None:
        self._taken += 1
        self._unread = True
        self._latest = self.samples.take(self._taken)
        self._events.step(self.samples.in_mg(self._latest), self.samples.full_scale_mg)
        every = self._fifo.every(self.samples.rate_hz)
        if every and self._taken % every == 0:
            self._fifo.put(self._taken // every, _bytes(self._latest))

    def _may_skip(self) -> bool:
        """Whether older samples can have no effect: the body rests, the FIFO forgets them."""
        rests = self._body.rests_until(self.samples.at_ms(self._taken)) >= self._now_ms()
        return rests and self._fifo.overwrites

    # --- INT1 ---

    def _level(self, events: Events, words: int) -> bool:
        raised = bool(self._registers[INT1_CTRL] & 0x08) and 0 < self._fifo.watermark <= words
        if self._registers[TAP_CFG2] & 0x80:
            routed = self._registers[MD1_CFG]
            raised = raised or bool(routed & 0x20 and events.wake_axes)
            raised = raised or bool(routed & 0x10 and events.free_fall)
        return raised != bool(self._registers[CTRL3_C] & _INT_ACTIVE_LOW)

    def _drive_int1(self) -> None:
        level = self._level(self._events, len(self._fifo))
        if self.fault == "unwired":  # the processor sees it as if nothing happened
            level = bool(self._registers[CTRL3_C] & _INT_ACTIVE_LOW)
        if level != self._int1:
            self._int1 = level
            if self.on_int1:
                self.on_int1(level)

    def _ring(self, at_ms: float) -> None:
        if at_ms == self._planned_ms:  # and was not planned anew since
            self._planned_ms = math.inf
            self.catch_up()
            self._look_ahead()

    def _next_change_ms(self) -> float:
        """When to look again; never later than INT1 changes."""
        listens = self._registers[INT1_CTRL] & 0x08
        senses = self._registers[TAP_CFG2] & 0x80 and self._registers[MD1_CFG] & 0x30
        if (
            not self.samples.rate_hz
            or self.fault in ("stopped", "unwired")
            or not (listens or senses)
        ):
            return math.inf
        every, words = self._fifo.every(self.samples.rate_hz), len(self._fifo)
        missing = self._fifo.watermark - words if listens and every else 0
        filled_ms = self.samples.at_ms(self._taken + missing * every) if missing > 0 else math.inf
        rests_until_ms = self._body.rests_until(self._now_ms())
        if not senses or (self._events.is_settled and rests_until_ms > self._now_ms()):
            return min(filled_ms, rests_until_ms) if senses else filled_ms
        events = copy.copy(self._events)
        for number in range(self._taken + 1, self._taken + 1 + _AHEAD):
            events.step(self.samples.in_mg(self.samples.raw(number)), self.samples.full_scale_mg)
            words += bool(every) and number % every == 0
            if self._level(events, words) != self._int1:
                return self.samples.at_ms(number)
        return self.samples.at_ms(self._taken + _AHEAD)


def _bytes(raw: Raw) -> bytes:
    return b"".join(axis.to_bytes(2, "little", signed=True) for axis in raw)


_SOURCES: dict[int, Callable[[LSM6DSO], int]] = {
    ALL_INT_SRC: LSM6DSO._all_sources,
    WAKE_UP_SRC: LSM6DSO._wake_up_source,
    STATUS_REG: LSM6DSO._status,
    FIFO_STATUS1: LSM6DSO._fifo_level,
    FIFO_STATUS2: LSM6DSO._fifo_status,
}
