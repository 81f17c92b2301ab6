# SPDX-License-Identifier: Apache-2.0
# The oximeter's driver on a bus that says anything: only its two errors come out, and only counts.

import random
from array import array

from single import main

from opaska_band.drivers.max30102 import MAX30102, OximeterError

ROUNDS = 3000


class Bus:
    """Registers that keep what is written, or not; transfers that fail, or are nonsense."""

    def __init__(self, seed):
        random.seed(seed)
        self.wild = False
        self.registers = bytearray(256)
        self.registers[0xFF] = 0x15

    def readfrom_mem_into(self, address, register, buffer):
        if self.wild and random.getrandbits(4) == 0:
            raise OSError(19)
        for place in range(len(buffer)):
            if self.wild:
                buffer[place] = random.choice((0, 0xFF, random.getrandbits(8), 0x15))
            else:
                buffer[place] = self.registers[(register + place) & 0xFF]

    def writeto_mem(self, address, register, data):
        if self.wild and random.getrandbits(5) == 0:
            raise OSError(5)
        if register == 0x09 and data[0] & 0x40:
            data = b"\0"
        self.registers[register : register + len(data)] = data


class Int:
    IRQ_FALLING = 2

    def irq(self, handler, trigger=3):
        self.handler = handler

    def value(self):
        return random.getrandbits(1)


def test_a_bus_that_says_anything_gives_counts_or_one_of_two_errors():
    pairs = array("i", bytes(4 * 2 * 20))
    errors = {}
    for seed in range(20):
        bus = Bus(seed)
        chip = MAX30102(bus, Int(), lambda: None)
        bus.wild = True
        for _ in range(ROUNDS // 20):
            try:
                random.choice((chip.wake, chip.sleep, chip.take_full, chip.is_raised))()
                count = chip.read(pairs)
                assert 0 <= count <= 20
                assert all([0 <= value <= 0x3FFFF for value in pairs])
            except (OSError, OximeterError) as error:
                errors[str(error)] = 1
    print(sorted(errors))
    assert "short read" in errors


def test_a_start_on_such_a_bus_ends_in_one_of_two_errors_or_in_a_driver():
    started = 0
    for seed in range(300):
        bus = Bus(seed)
        bus.wild = True
        try:
            MAX30102(bus, Int(), lambda: None)
            started += 1
        except (OSError, OximeterError):
            pass
    assert started < 30, "settings are read back"


def test_a_full_fifo_that_lost_samples_is_told_and_read_in_parts():
    bus = Bus(1)
    chip = MAX30102(bus, Int(), lambda: None)
    pairs = array("i", bytes(4 * 2 * 20))
    bus.registers[0x04:0x07] = bytes((7, 3, 7))
    bus.registers[0x07:0x7F] = b"\0\7\1\0\7\2" * 20
    assert chip.read(pairs) == 20
    assert chip.overrun


main(globals())
