# SPDX-License-Identifier: Apache-2.0
"""The MAX30102's eye: which LEDs shine when, and what their light becomes in counts."""

from __future__ import annotations

from typing import NamedTuple, Protocol

MODE_CONFIG = 0x09
SPO2_CONFIG = 0x0A
LED1_PA = 0x0C  # red; 0.2 mA a bit
LED2_PA = 0x0D  # infrared
PILOT_PA = 0x10
MULTI_LED = 0x11  # SLOT2, SLOT1; then SLOT4, SLOT3

FULL = 0x3FFFF  # counts are 18 bits, left-justified
RATES_HZ = (50, 100, 200, 400, 800, 1000, 1600, 3200)  # by SPO2_SR
_FASTEST = {2: (7, 6, 6, 5), 3: (6, 5, 4, 3), 7: (6, 5, 4, 3)}  # SPO2_SR by MODE and LED_PW
_LSB_NA = (0.007_812_5, 0.015_625, 0.031_25, 0.0625)  # by SPO2_ADC_RGE
_LED_MA = 0.2  # a bit
_NOISE_NA = 0.06  # rms of one conversion
_AMBIENT_LEFT = 0.002  # of the ambient light, after its cancellation
_AMBIENT_TOP_NA = 200_000  # 200 uA: more cannot be cancelled
_HEART_RATE, _SPO2, _MULTI = 2, 3, 7  # MODE; all others: nothing shines
_RED, _INFRARED, _PILOT_INFRARED = 1, 2, 6  # SLOT


class Light(NamedTuple):
    """What reaches the eye: of each LED in nA for each mA through it, and from elsewhere in nA."""

    red: float
    infrared: float
    ambient_na: float


class Skin(Protocol):
    """What the chip lies on."""

    def light(self, at_ms: float) -> Light: ...


class Eye:
    """Raw samples, numbered from 1 since it was last started."""

    def __init__(self, registers: bytearray, skin: Skin) -> None:
        self.overflowed = False  # ambient light beyond what can be cancelled, in the last sample
        self._registers = registers
        self._skin = skin

    @property
    def slots(self) -> tuple[int, ...]:
        """What shines, one after the other, in one sample."""
        mode = self._registers[MODE_CONFIG] & 7
        if mode == _MULTI:
            first, second = self._registers[MULTI_LED], self._registers[MULTI_LED + 1]
            slots = (first & 7, first >> 4 & 7, second & 7, second >> 4 & 7)
            return slots[: slots.index(0)] if 0 in slots else slots
        return {_HEART_RATE: (_RED,), _SPO2: (_RED, _INFRARED)}.get(mode, ())

    @property
    def rate_hz(self) -> float:
        """Raw samples a second."""
        return float(RATES_HZ[self._registers[SPO2_CONFIG] >> 2 & 7])

    def allowed(self, mode: int, config: int) -> int:
        """SPO2_CONFIG, with the fastest rate that its pulse width leaves time for."""
        fastest = _FASTEST.get(mode & 7, (7, 7, 7, 7))[config & 3]
        return config & 0x63 | min(config >> 2 & 7, fastest) << 2

    def sample(self, number: int, at_ms: float) -> tuple[int, ...]:
        """The counts of every slot."""
        light = self._skin.light(at_ms)
        self.overflowed = light.ambient_na > _AMBIENT_TOP_NA
        return tuple(
            self._counts(self._current_na(slot, light), number + 31 * place)
            for place, slot in enumerate(self.slots)
        )

    def pilot(self, at_ms: float) -> int:
        """The count at the current of the proximity mode."""
        return self._counts(self._current_na(_PILOT_INFRARED, self._skin.light(at_ms)), 0)

    def _current_na(self, slot: int, light: Light) -> float:
        register, gain = _LEDS.get(slot, (0, ""))
        led_ma = self._registers[register] * _LED_MA if gain else 0.0
        shone = light.red if gain == "red" else light.infrared
        rest = light.ambient_na * (1.0 if self.overflowed else _AMBIENT_LEFT)
        return led_ma * shone + rest

    def _counts(self, current_na: float, number: int) -> int:
        config = self._registers[SPO2_CONFIG]
        noisy = current_na + _NOISE[number % len(_NOISE)]
        count = max(0, min(FULL, round(noisy / _LSB_NA[config >> 5 & 3])))
        return count >> 3 - (config & 3) << 3 - (config & 3)


_LEDS = {  # SLOT -> (its current's register, its colour)
    _RED: (LED1_PA, "red"),
    _INFRARED: (LED2_PA, "infrared"),
    5: (PILOT_PA, "red"),
    _PILOT_INFRARED: (PILOT_PA, "infrared"),
}


def _noise(count: int) -> list[float]:
    """Always the same, near enough to normal: each value is a sum of four even ones."""
    state = 9
    even: list[float] = []
    for _ in range(4 * count):
        state = (1_103_515_245 * state + 12_345) & 0x7FFF_FFFF
        even.append(state / 0x4000_0000 - 1)
    return [_NOISE_NA * 0.866 * sum(even[i : i + 4]) for i in range(0, len(even), 4)]


_NOISE = _noise(4091)
