# SPDX-License-Identifier: Apache-2.0
# The first code out of reset: shows the flash as memory, so that code is executed in place.
#
# On the chip the MMU does it, MicroPython mounts the ROMFS image it finds there at /rom, and byte
# code, constants and names stay in flash. MicroPython on Linux maps no files, but it has memory
# that is not its heap: below its stack. Linux lets a stack grow downwards (to 8 MB, as a rule)
# when somebody writes there, and MicroPython itself stops at some 100 KB. So each image is read
# to an address below that, where it stays, and VfsRom is told the address.
# Where this fails, the same files are mounted as a folder, go to the heap, and a line says so.

import os
import sys

import uctypes
from micropython import const
from vfs import VfsPosix, VfsRom, mount  # pyright: ignore[reportAttributeAccessIssue] - ports differ

_SLOT_BYTES = const(1 << 20)  # of addresses for an image; slot 0 is left to the stack
_START_OF_STACK = const(28 - 3)  # field 28 of proc(5)'s stat, counted from behind the name
_SIZE = const(6)


def _mapped(image, slot):
    """The image in memory outside the heap."""
    with open("/proc/self/stat") as stat:
        start = int(stat.read().rsplit(")", 1)[1].split()[_START_OF_STACK])
    size = os.stat(image)[_SIZE]
    memory = uctypes.bytearray_at(start - (slot + 1) * _SLOT_BYTES, size)
    with open(image, "rb") as file:
        if size > _SLOT_BYTES or file.readinto(memory) != size:
            raise OSError("too large")
    return memory


def _mount(built, point, slot):
    """Mount what tools/opaska_tools/firmware_build.py has built."""
    try:
        files = VfsRom(_mapped(built + "/image.romfs", slot))
    except OSError as error:
        print(point, "cannot be executed in place and goes to the heap:", repr(error))
        files = VfsPosix(built + "/files")
    mount(files, point)


_mount(os.getenv("OPASKA_SIM_BOARD"), "/board", 1)
_mount(os.getenv("OPASKA_SIM_ROM"), "/rom", 2)
sys.path[:] = os.getenv("OPASKA_SIM_PATH").split(":")
sys.modules.pop("bootloader")  # it has done its work
