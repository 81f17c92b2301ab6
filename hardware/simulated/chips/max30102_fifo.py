# SPDX-License-Identifier: Apache-2.0
"""The MAX30102's FIFO: 32 samples, each of one to four colours of three bytes, with the pointers
and the overflow counter that its data sheet (Maxim 19-7740) describes."""

from __future__ import annotations

FIFO_WR_PTR = 0x04
OVF_COUNTER = 0x05
FIFO_RD_PTR = 0x06
FIFO_DATA = 0x07
FIFO_CONFIG = 0x08

DEPTH = 32
_AVERAGED = (1, 2, 4, 8, 16, 32, 32, 32)  # raw samples in one, by SMP_AVE
_ROLLOVER_EN = 0x10
_MOST_LOST = 0x1F
_COLOUR = 3  # bytes


class Fifo:
    """`registers` holds what the processor has written."""

    def __init__(self, registers: bytearray) -> None:
        self._registers = registers
        self._places: list[tuple[int, ...]] = [()] * DEPTH
        self._write = self._read = self._lost = 0
        self._unread = 0  # samples; the pointers alone cannot tell 0 from 32
        self._byte = 0  # of the sample at the read pointer that comes next
        self._sum: list[int] = []  # raw samples of the next one, by colour
        self._summed = 0

    def __len__(self) -> int:
        return self._unread

    @property
    def averaged(self) -> int:
        """Raw samples in one of the FIFO."""
        return _AVERAGED[self._registers[FIFO_CONFIG] >> 5]

    @property
    def almost_full(self) -> int:
        """So many unread samples raise A_FULL."""
        return DEPTH - (self._registers[FIFO_CONFIG] & 0x0F)

    @property
    def missing(self) -> int:
        """Raw samples until the next one goes in."""
        return self.averaged - self._summed

    def restart(self) -> None:
        """Other colours, or another rate: what was summed is void."""
        self._sum, self._summed = [], 0

    def put(self, colours: tuple[int, ...]) -> bool:
        """A raw sample; whether one has gone into the FIFO, or was lost."""
        self._sum = [a + b for a, b in zip(self._sum or [0] * len(colours), colours, strict=True)]
        self._summed += 1
        if self._summed < self.averaged:
            return False
        self._push(tuple(total // self._summed for total in self._sum))
        self.restart()
        return True

    def read_register(self, register: int) -> int:
        """A pointer, the counter, or the next byte."""
        if register == FIFO_DATA:
            return self._next_byte()
        return {FIFO_WR_PTR: self._write, OVF_COUNTER: self._lost, FIFO_RD_PTR: self._read}[
            register
        ]

    def write_register(self, register: int, byte: int) -> None:
        """Pointers and counter can be written: to empty it, or to read once more."""
        value = byte & 0x1F
        if register == FIFO_WR_PTR:
            self._write = value
        elif register == FIFO_RD_PTR:
            self._read, self._byte = value, 0
        elif register == OVF_COUNTER:
            self._lost = value
        if register in (FIFO_WR_PTR, FIFO_RD_PTR):
            self._unread = (self._write - self._read) % DEPTH

    def _push(self, colours: tuple[int, ...]) -> None:
        if self._unread == DEPTH:
            self._lost = min(self._lost + 1, _MOST_LOST)
            if not self._registers[FIFO_CONFIG] & _ROLLOVER_EN:
                return
            self._read = (self._read + 1) % DEPTH
            self._byte = 0
            self._unread -= 1
        self._places[self._write] = colours
        self._write = (self._write + 1) % DEPTH
        self._unread += 1

    def _next_byte(self) -> int:
        """Of the oldest sample; its last byte pops it. An empty FIFO shows what is there."""
        colours = self._places[self._read] or (0,)
        colour, part = divmod(self._byte, _COLOUR)
        value = colours[min(colour, len(colours) - 1)]
        self._byte += 1
        if self._byte >= _COLOUR * len(colours):
            self._byte = 0
            if self._unread:
                self._read = (self._read + 1) % DEPTH
                self._unread -= 1
                self._lost = 0
        return value >> 8 * (_COLOUR - 1 - part) & 0xFF
