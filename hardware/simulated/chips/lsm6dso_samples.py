# SPDX-License-Identifier: Apache-2.0
"""The LSM6DSO's samples: when each is taken, and what the body's acceleration becomes in LSB."""

from __future__ import annotations

import math
from typing import Protocol

from .lsm6dso_events import Sample
from .lsm6dso_fifo import RATES_HZ

CTRL1_XL = 0x10

Raw = tuple[int, int, int]  # LSB

_FULL_SCALE_MG = {0: 2000, 1: 16000, 2: 4000, 3: 8000}  # by FS_XL
_LSB_MG = {2000: 0.061, 4000: 0.122, 8000: 0.244, 16000: 0.488}  # by full scale
_NOISE_MG = 0.6  # rms: 110 ug/sqrt(Hz) at +-16 g over 26 Hz


class Body(Protocol):
    """What the chip is fixed to."""

    def acceleration_mg(self, at_ms: float) -> Sample: ...
    def rests_until(self, at_ms: float) -> float: ...


class Samples:
    """Numbered from 1 since the output data rate was set."""

    def __init__(self, registers: bytearray, body: Body) -> None:
        self.gain = 1.0  # of this specimen
        self.offset_mg: Sample = (0.0, 0.0, 0.0)
        self.rate_hz = 0.0
        self.frozen_at: int | None = None  # from this sample on all are alike
        self._registers = registers
        self._body = body
        self._started_ms = 0.0
        self._known: dict[int, Raw] = {}  # those that were looked at in advance

    def start(self, odr: int, now_ms: float) -> None:
        """Another output data rate."""
        self.rate_hz = RATES_HZ[odr] if odr < len(RATES_HZ) else 0.0
        self._started_ms = now_ms
        self.frozen_at = None
        self.forget()

    def forget(self) -> None:
        """What was looked at in advance will not be so."""
        self._known.clear()

    def due(self, now_ms: float) -> int:
        """The latest one."""
        return int((now_ms - self._started_ms) * self.rate_hz / 1000 + 1e-6)

    def at_ms(self, number: int) -> float:
        """When it is taken."""
        return self._started_ms + number * 1000 / self.rate_hz

    @property
    def full_scale_mg(self) -> int:
        return _FULL_SCALE_MG[self._registers[CTRL1_XL] >> 2 & 3]

    def raw(self, number: int) -> Raw:
        """As far as the range goes."""
        if number not in self._known:
            self._known[number] = self._measured(number)
        return self._known[number]

    def take(self, number: int) -> Raw:
        """The same, for the last time."""
        raw = self.raw(number)
        del self._known[number]
        return raw

    def in_mg(self, raw: Raw) -> Sample:
        lsb_mg = _LSB_MG[self.full_scale_mg]
        return raw[0] * lsb_mg, raw[1] * lsb_mg, raw[2] * lsb_mg

    def _measured(self, number: int) -> Raw:
        if self.frozen_at is not None:
            number = min(number, self.frozen_at)
        lsb_mg = _LSB_MG[self.full_scale_mg]
        true = self._body.acceleration_mg(self.at_ms(number))
        noise = _NOISE[number % len(_NOISE)]
        x, y, z = (
            max(-32768, min(32767, round((axis * self.gain + offset + jitter) / lsb_mg)))
            for axis, offset, jitter in zip(true, self.offset_mg, noise, strict=True)
        )
        return x, y, z


def _noise(count: int) -> list[tuple[float, float, float]]:
    """Always the same, near enough to normal: each value is a sum of four even ones."""
    state = 6
    even: list[float] = []
    for _ in range(12 * count):
        state = (1_103_515_245 * state + 12_345) & 0x7FFF_FFFF
        even.append(state / 0x4000_0000 - 1)
    sums = [_NOISE_MG * sum(even[i : i + 4]) * math.sqrt(3 / 4) for i in range(0, len(even), 4)]
    return list(zip(sums[0::3], sums[1::3], sums[2::3], strict=True))


_NOISE = _noise(4093)
