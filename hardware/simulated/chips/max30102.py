# SPDX-License-Identifier: Apache-2.0
"""MAX30102 pulse oximeter, by the register table of its data sheet (Maxim 19-7740): FIFO, modes,
LED currents, interrupts, proximity, die temperature. Runs on CPython, in the supervisor.

It is lazy: samples are taken when somebody looks at it, or when INT may change.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .max30102_fifo import FIFO_CONFIG, FIFO_DATA, FIFO_RD_PTR, FIFO_WR_PTR, OVF_COUNTER, Fifo
from .max30102_light import (
    LED1_PA,
    LED2_PA,
    MODE_CONFIG,
    MULTI_LED,
    PILOT_PA,
    SPO2_CONFIG,
    Eye,
    Light,
    Skin,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "FIFO_CONFIG",
    "FIFO_DATA",
    "FIFO_RD_PTR",
    "FIFO_WR_PTR",
    "LED1_PA",
    "LED2_PA",
    "MODE_CONFIG",
    "MULTI_LED",
    "OVF_COUNTER",
    "PILOT_PA",
    "SPO2_CONFIG",
    "Light",
]

INTR_STATUS_1 = 0x00
INTR_STATUS_2 = 0x01
INTR_ENABLE_1 = 0x02
INTR_ENABLE_2 = 0x03
TEMP_INTR = 0x1F
TEMP_FRAC = 0x20
TEMP_CONFIG = 0x21
PROX_INT_THRESH = 0x30
REV_ID = 0xFE
PART_ID = 0xFF

A_FULL, PPG_RDY, ALC_OVF, PROX_INT, PWR_RDY = 0x80, 0x40, 0x20, 0x10, 0x01  # status 1
DIE_TEMP_RDY = 0x02  # status 2
SHDN, RESET = 0x80, 0x40  # in MODE_CONFIG

BOOT_MS = 10  # from power-on until it answers
_CONVERSION_MS = 29  # of the die temperature
_PROXIMITY_HZ = 10.0
_SKIPPED_FROM = 4096  # raw samples beyond which the older ones need not be taken
_OWN = {PART_ID: 0x15, REV_ID: 0x03}
_READ_ONLY = {INTR_STATUS_1, INTR_STATUS_2, TEMP_INTR, TEMP_FRAC, REV_ID, PART_ID}
_POINTERS = (FIFO_WR_PTR, OVF_COUNTER, FIFO_RD_PTR, FIFO_DATA)

# What may be wrong with the chip.
FAULTS = (
    "silent",  # it does not answer
    "identity",  # it is another chip
    "stopped",  # no samples come any more
    "stuck",  # always the same sample
    "short",  # it lets go of the bus in the middle of a transfer
    "unwired",  # INT does not reach the processor
    "shorted",  # INT is always low
    "no reset",  # a reset does not end
    "dark",  # its LEDs do not shine
)


class MAX30102:
    """`on_int` is told the level of INT whenever it changes: high is at rest."""

    ADDRESS = 0x57

    def __init__(
        self,
        now_ms: Callable[[], float],
        after: Callable[[float, Callable[[], None]], None],
        skin: Skin,
        die_c: float = 33.0,
    ) -> None:
        self.on_int: Callable[[bool], None] | None = None
        self.die_c = die_c
        self._fault: str | None = None  # one of FAULTS
        self._now_ms = now_ms
        self._after = after
        self._answers_from_ms = 0.0
        self._int = True
        self._planned_ms = math.inf  # when INT may change, if that is being waited for
        self._pointer = 0
        self._registers = bytearray(256)
        self._eye = Eye(self._registers, skin)
        self._taken = 0  # raw samples since the present mode and rate
        self._reset()

    # --- supply, bus and world ---

    def power_on(self) -> None:
        """The supply is there again: everything is forgotten."""
        self._answers_from_ms = self._now_ms() + BOOT_MS
        self._reset()
        self._drive_int()

    def power_off(self) -> None:
        """The supply is gone."""
        self._reset()
        self._status[0] = 0
        self._drive_int()

    @property
    def answers(self) -> bool:
        """Whether it acknowledges its address."""
        return self._fault != "silent" and self._now_ms() >= self._answers_from_ms

    @property
    def shines(self) -> bool:
        """Whether it takes samples, which costs the current of its LEDs."""
        return bool(self._eye.slots) and not self._registers[MODE_CONFIG] & SHDN

    @property
    def fault(self) -> str | None:
        """One of FAULTS."""
        return self._fault

    @fault.setter
    def fault(self, fault: str | None) -> None:
        self.catch_up()
        self._fault = fault
        self._drive_int()
        self._look_ahead()

    def write(self, data: bytes) -> bool:
        """A write on the bus: register, then bytes."""
        self.catch_up()
        self._pointer = data[0]
        for byte in data[1:]:
            self._write_byte(self._pointer, byte)
            self._step_pointer()
        self._drive_int()
        self._look_ahead()
        return True

    def read(self, count: int) -> bytes:
        """A read on the bus, from where the last write left the pointer."""
        self.catch_up()
        data = bytearray()
        for _ in range(count):
            data.append(self._read_byte(self._pointer))
            self._step_pointer()
        if self._fault == "short" and count > 1:
            data[count // 2 :] = b"\xff" * (count - count // 2)
        self._drive_int()
        self._look_ahead()
        return bytes(data)

    def catch_up(self) -> None:
        """Take all samples until now: to be called before any change of the world."""
        self._finish_temperature()
        if self._proximity:
            self._look_for_skin()
        due = self._due()
        if due - self._taken > _SKIPPED_FROM:
            self._taken = due - _SKIPPED_FROM
        while self._taken < due:
            self._take()
        self._drive_int()

    # --- registers ---

    def _reset(self) -> None:
        self._registers[:] = bytes(256)
        for register, value in _OWN.items():
            self._registers[register] = value
        self._fifo = Fifo(self._registers)
        self._status = [PWR_RDY, 0]
        self._proximity = False  # waiting for skin
        self._temperature_ms = math.inf  # when the conversion ends
        self._start()

    def _step_pointer(self) -> None:
        if self._pointer != FIFO_DATA:
            self._pointer = self._pointer + 1 & 0xFF

    def _write_byte(self, register: int, byte: int) -> None:
        if register in _POINTERS:
            self._fifo.write_register(register, byte)
        elif register == MODE_CONFIG and byte & RESET:
            self._reset()
            self._status[0] = 0  # PWR_RDY is of the supply
            self._registers[MODE_CONFIG] = RESET if self._fault == "no reset" else 0
        elif register == TEMP_CONFIG:
            if byte & 1:
                self._registers[register] = 1
                self._temperature_ms = self._now_ms() + _CONVERSION_MS
        elif register not in _READ_ONLY:
            before = self._registers[register]
            self._registers[register] = byte
            if register in (MODE_CONFIG, SPO2_CONFIG, MULTI_LED, MULTI_LED + 1, FIFO_CONFIG):
                self._reconfigured(register, before != byte)

    def _reconfigured(self, register: int, changed: bool) -> None:
        mode = self._registers[MODE_CONFIG]
        self._registers[SPO2_CONFIG] = self._eye.allowed(mode, self._registers[SPO2_CONFIG])
        if register == MODE_CONFIG:
            self._proximity = self.shines and bool(self._registers[INTR_ENABLE_1] & PROX_INT)
            if mode & SHDN:
                self._status = [0, 0]
        if changed:
            self._start()

    def _read_byte(self, register: int) -> int:
        if register in (INTR_STATUS_1, INTR_STATUS_2):
            status, self._status[register] = self._status[register], 0
            return status
        if register == PART_ID and self._fault == "identity":
            return 0x11  # the MAX30100
        if register in _POINTERS:
            if register == FIFO_DATA:
                self._status[0] &= ~PPG_RDY
            return self._fifo.read_register(register)
        return self._registers[register]

    def _finish_temperature(self) -> None:
        if self._now_ms() >= self._temperature_ms:
            self._temperature_ms = math.inf
            sixteenths = round(self.die_c * 16)
            self._registers[TEMP_CONFIG] = 0
            self._registers[TEMP_INTR] = sixteenths >> 4 & 0xFF
            self._registers[TEMP_FRAC] = sixteenths & 0x0F
            self._status[1] |= DIE_TEMP_RDY

    # --- samples ---

    def _start(self) -> None:
        """Another rate or mode."""
        self._started_ms = self._now_ms()
        self._taken = 0
        self._stuck: tuple[int, ...] | None = None
        self._fifo.restart()

    def _due(self) -> int:
        """Which raw sample is the latest one."""
        if not self.shines or self._proximity or self._fault == "stopped":
            self._started_ms, self._taken = self._now_ms(), 0
            return 0
        since_ms = self._now_ms() - self._started_ms
        return int(since_ms * self._eye.rate_hz / 1000 + 1e-6)

    def _at_ms(self, number: float) -> float:
        return self._started_ms + number * 1000 / self._eye.rate_hz

    def _take(self) -> None:
        self._taken += 1
        colours = self._eye.sample(self._taken, self._at_ms(self._taken))
        if self._fault == "dark":
            colours = tuple(0 for _ in colours)
        if self._fault == "stuck":
            colours = self._stuck = self._stuck or colours
        if self._eye.overflowed:
            self._status[0] |= ALC_OVF
        if self._fifo.put(colours):
            self._status[0] |= PPG_RDY
            if len(self._fifo) >= self._fifo.almost_full:
                self._status[0] |= A_FULL

    def _look_for_skin(self) -> None:
        if self._eye.pilot(self._now_ms()) >> 10 >= self._registers[PROX_INT_THRESH]:
            self._proximity = False
            self._status[0] |= PROX_INT
            self._start()

    # --- INT ---

    def _drive_int(self) -> None:
        raised = (
            self._status[0] & (self._registers[INTR_ENABLE_1] | PWR_RDY)
            or self._status[1] & self._registers[INTR_ENABLE_2]
        )
        level = not raised
        if self._fault in ("unwired", "shorted"):
            level = self._fault == "unwired"
        if level != self._int:
            self._int = level
            if self.on_int:
                self.on_int(level)

    def _look_ahead(self) -> None:
        """Be there when INT changes next."""
        at_ms = self._next_change_ms()
        if at_ms < self._planned_ms:
            self._planned_ms = at_ms
            self._after(max(1, math.ceil(at_ms - self._now_ms())), lambda: self._ring(at_ms))

    def _ring(self, at_ms: float) -> None:
        if at_ms == self._planned_ms:  # and was not planned anew since
            self._planned_ms = math.inf
            self.catch_up()
            self._look_ahead()

    def _next_change_ms(self) -> float:
        enabled = self._registers[INTR_ENABLE_1]
        warm = self._temperature_ms if self._registers[INTR_ENABLE_2] & DIE_TEMP_RDY else math.inf
        if not self._int or not self.shines or self._fault in ("stopped", "unwired"):
            return warm
        if self._proximity:
            return min(warm, self._now_ms() + 1000 / _PROXIMITY_HZ)
        if enabled & (PPG_RDY | ALC_OVF):
            samples = 1
        elif enabled & A_FULL:
            samples = max(1, self._fifo.almost_full - len(self._fifo))
        else:
            return warm
        raw = self._fifo.missing + (samples - 1) * self._fifo.averaged
        return min(warm, self._at_ms(self._taken + raw))
