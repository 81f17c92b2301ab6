# SPDX-License-Identifier: Apache-2.0
"""The LSM6DSO's FIFO: 512 words, each with a tag that names the sensor and the time slot
(AN5192, section 9). Only the accelerometer is batched; nothing is compressed."""

from __future__ import annotations

from collections import deque

FIFO_CTRL1 = 0x07
FIFO_CTRL2 = 0x08
FIFO_CTRL3 = 0x09
FIFO_CTRL4 = 0x0A

FIFO_WORDS = 512
RATES_HZ = (0, 12.5, 26, 52, 104, 208, 416, 833, 1667, 3333, 6667, 1.6)  # by ODR_XL and BDR_XL

_ACCELEROMETER = 0x02  # TAG_SENSOR
_BYPASS, _STOP_WHEN_FULL = 0, 1  # FIFO_MODE; the others overwrite the oldest word


class Fifo:
    def __init__(self, registers: bytearray) -> None:
        self.word = bytes(7)  # in the output registers: tag, then data
        self._registers = registers
        self._words: deque[bytes] = deque()
        self._overrun = False  # latched until it is read
        self._odd = False  # every second word was read

    def __len__(self) -> int:
        return len(self._words)

    @property
    def watermark(self) -> int:
        return self._registers[FIFO_CTRL1] | (self._registers[FIFO_CTRL2] & 1) << 8

    @property
    def overwrites(self) -> bool:
        """Whether only the latest words count."""
        return self._mode != _STOP_WHEN_FULL

    def every(self, rate_hz: float) -> int:
        """Of so many samples one is batched; 0: none."""
        odr = self._registers[FIFO_CTRL3] & 0x0F
        batch_hz = RATES_HZ[odr] if odr < len(RATES_HZ) else 0
        if not batch_hz or self._mode == _BYPASS:
            return 0
        return max(1, round(rate_hz / batch_hz))

    def put(self, slot: int, data: bytes) -> None:
        """The sample of this time slot."""
        if len(self._words) == FIFO_WORDS:
            if not self.overwrites:
                return
            self._words.popleft()
            self._overrun = True
        tag = _ACCELEROMETER << 3 | (slot & 3) << 1
        self._words.append(bytes([tag | tag.bit_count() & 1]) + data)

    def next(self, fault: str | None) -> None:
        """The oldest word to the output registers; an empty FIFO shows the last one again."""
        if not self._words:
            return
        self._odd = not self._odd
        if fault == "disorder" and self._odd and len(self._words) > 1:
            self._words[0], self._words[1] = self._words[1], self._words[0]
        word = self._words.popleft()
        self.word = bytes([word[0] ^ (fault == "parity")]) + word[1:]

    def mode_changed(self) -> None:
        """Bypass empties it."""
        if self._mode == _BYPASS:
            self._words.clear()
            self._overrun = False

    def level(self) -> int:
        """FIFO_STATUS1."""
        return len(self._words) & 0xFF

    def status(self) -> int:
        """FIFO_STATUS2, whose latched overrun ends with the reading."""
        words = len(self._words)
        reached = 0 < self.watermark <= words
        latched, self._overrun = self._overrun, False
        full = words >= FIFO_WORDS - 1  # with the next sample
        overrun = latched and words == FIFO_WORDS
        return reached << 7 | overrun << 6 | full << 5 | latched << 3 | words >> 8

    @property
    def _mode(self) -> int:
        return self._registers[FIFO_CTRL4] & 7
