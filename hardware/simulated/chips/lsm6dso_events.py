# SPDX-License-Identifier: Apache-2.0
"""The LSM6DSO's wake-up and free-fall recognition, sample by sample (AN5192, section 5)."""

from __future__ import annotations

import math

Sample = tuple[float, float, float]  # mg

CTRL8_XL = 0x17
TAP_CFG0 = 0x56
WAKE_UP_THS = 0x5B
WAKE_UP_DUR = 0x5C
FREE_FALL = 0x5D

SLOPE_FDS = 0x10  # in TAP_CFG0: high-pass filter instead of slope
LIR = 0x01  # likewise: interrupts are latched
_FREE_FALL_MG = (156, 219, 250, 312, 344, 406, 469, 500)  # by FF_THS
_CUT_OFF = (4, 10, 20, 45, 100, 200, 400, 800)  # ODR divided by this, by HPCF_XL
_SETTLED_MG = 20  # of the filter's output: far below the finest threshold


class Events:
    """Copy it to look ahead: it shares nothing that changes but the registers."""

    def __init__(self, registers: bytearray) -> None:
        self.wake_axes = 0  # X_WU, Y_WU, Z_WU as in WAKE_UP_SRC
        self.free_fall = False
        self._registers = registers
        self._before: Sample = (0.0, 0.0, 0.0)
        self._filtered: Sample = (0.0, 0.0, 0.0)
        self._over = 0  # samples in a row above the wake-up threshold
        self._falling = 0  # samples in a row below the free-fall threshold

    @property
    def is_settled(self) -> bool:
        """Whether the filter has forgotten what was before the rest."""
        return max(map(abs, self._filtered)) < _SETTLED_MG and not self._falling

    def rest(self, sample: Sample) -> None:
        """Nothing has moved for a long time."""
        self._before = sample
        self._filtered = (0.0, 0.0, 0.0)
        self._over = self._falling = 0

    def release(self) -> None:
        """The latched sources were read."""
        self.wake_axes = 0
        self.free_fall = False

    def step(self, sample: Sample, full_scale_mg: int) -> None:
        """One more sample."""
        self._filter(sample)
        latched = self._registers[TAP_CFG0] & LIR
        axes = self._woken_axes(full_scale_mg)
        self.wake_axes = self.wake_axes | axes if latched else axes
        free_fall = self._is_falling(sample)
        self.free_fall = (bool(latched) and self.free_fall) or free_fall

    def _filter(self, sample: Sample) -> None:
        before, old = self._before, self._filtered
        if self._registers[TAP_CFG0] & SLOPE_FDS:
            keep = 1 / (1 + 2 * math.pi / _CUT_OFF[self._registers[CTRL8_XL] >> 5])
            x, y, z = (keep * (o + s - b) for o, s, b in zip(old, sample, before, strict=True))
        else:
            x, y, z = ((s - b) / 2 for s, b in zip(sample, before, strict=True))
        self._filtered = (x, y, z)
        self._before = sample

    def _woken_axes(self, full_scale_mg: int) -> int:
        duration = self._registers[WAKE_UP_DUR]
        step_mg = full_scale_mg / (256 if duration & 0x10 else 64)
        threshold_mg = (self._registers[WAKE_UP_THS] & 0x3F) * step_mg
        x, y, z = (abs(axis) > threshold_mg for axis in self._filtered)
        axes = x << 2 | y << 1 | z
        self._over = self._over + 1 if axes else 0
        return axes if self._over > (duration >> 5 & 3) else 0

    def _is_falling(self, sample: Sample) -> bool:
        setting = self._registers[FREE_FALL]
        limit_mg = _FREE_FALL_MG[setting & 7]
        below = all(abs(axis) < limit_mg for axis in sample)
        self._falling = self._falling + 1 if below else 0
        needed = setting >> 3 | (self._registers[WAKE_UP_DUR] & 0x80) >> 2
        return self._falling > needed
