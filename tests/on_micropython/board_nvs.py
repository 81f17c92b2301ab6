# SPDX-License-Identifier: Apache-2.0
# NVS of the simulated board over two starts; run by tests/hardware/test_keeping.py.

import machine
from esp32 import NVS

nvs = NVS("opaska")
buffer = bytearray(16)


def missing(function):
    try:
        function()
    except OSError as error:
        return error.errno
    raise AssertionError("found")


if machine.reset_cause() == machine.PWRON_RESET:
    assert missing(lambda: nvs.get_i32("boot")) == -0x1102
    nvs.set_i32("boot", -5)
    nvs.set_blob("kid", b"\x00\x01\xfe\xff")
    nvs.set_blob("gone", b"x")
    nvs.commit()
    nvs.erase_key("gone")
    nvs.commit()
    other = NVS("other")
    other.set_i32("boot", 7)
    other.commit()
    nvs.set_i32("boot", 6)  # seen at once, lost at the reset for want of a commit
    assert nvs.get_i32("boot") == 6
    for wrong in (lambda: nvs.set_i32("x", 1 << 31), lambda: nvs.set_i32("n" * 16, 1)):
        try:
            wrong()
        except (OverflowError, OSError):
            continue
        raise AssertionError(wrong)
    machine.reset()
assert nvs.get_i32("boot") == -5
assert nvs.get_blob("kid", buffer) == 4
assert buffer[:4] == b"\x00\x01\xfe\xff"
assert missing(lambda: nvs.get_i32("kid")) == -0x1102, "another type"
assert missing(lambda: nvs.get_blob("kid", bytearray(3))) == -0x110C, "buffer too small"
assert missing(lambda: nvs.get_blob("gone", buffer))
assert NVS("other").get_i32("boot") == 7
print("done")
