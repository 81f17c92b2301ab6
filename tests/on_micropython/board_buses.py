# SPDX-License-Identifier: Apache-2.0
# I2C and the fuel gauge as the firmware sees them; run by tests/hardware/test_board.py.

import time

from machine import I2C, Pin

bus = I2C(0, sda=Pin(8), scl=Pin(9), freq=400_000)
time.sleep_ms(20)  # the accelerometer boots
assert bus.scan() == [0x36, 0x57, 0x6A], bus.scan()
assert I2C(0, sda=Pin(9), scl=Pin(8)).scan() == [], "crossed wires find nobody"
try:
    bus.readfrom_mem(0x50, 0x0F, 1)
    errno = 0
except OSError as error:
    errno = error.errno
assert errno == 19, errno


def register(number):
    return int.from_bytes(bus.readfrom_mem(0x36, number, 2), "big")


assert register(0x08) & 0xFFF0 == 0x0010
alert = Pin(40, Pin.IN, Pin.PULL_UP)
charger = Pin(41, Pin.IN, Pin.PULL_UP)
assert (alert.value(), charger.value()) == (1, 1)
print("ready", register(0x02) * 5 // 64, register(0x04) // 256)
while alert.value():
    time.sleep_ms(5)
print("low", register(0x02) * 5 // 64, register(0x04) // 256, charger.value())
bus.writeto_mem(0x36, 0x0C, (register(0x0C) & ~0x20).to_bytes(2, "big"))
assert alert.value() == 1, "cleared by the host"
print("done")
