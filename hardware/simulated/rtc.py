# SPDX-License-Identifier: Apache-2.0
# The part of the chip that survives a reset and deep sleep, but no loss of power:
# the wall clock (ms since 2000) and 2,048 bytes of RTC memory.

import json
import os

import clock
import control
import power

MEMORY_BYTES = 2048
_FILE = power.path("rtc.json")

memory = b""
_zero = clock.now()  # reading of clock.now() at the wall clock's 2000-01-01


def wall_ms():
    """What the wall clock shows."""
    return clock.now() - _zero


def set_wall_ms(ms):
    """Set the wall clock; ticks and alarms do not notice."""
    global _zero
    _zero = clock.now() - ms
    save()


def save():
    """Keep clock and memory over a reset."""
    with open(_FILE + ".new", "w") as file:
        json.dump({"zero": _zero, "memory": memory.hex()}, file)
    os.rename(_FILE + ".new", _FILE)


def _obey(name, value):
    if name == "shift_clock":
        set_wall_ms(wall_ms() + int(value * 1000))
    return name == "shift_clock"


try:
    if power.cause == 1:  # power on
        os.remove(_FILE)
    with open(_FILE) as _file:
        _kept = json.load(_file)
    _zero = _kept["zero"]
    memory = bytes.fromhex(_kept["memory"])
except OSError:
    pass  # there is nothing to remember
control.add(_obey)
