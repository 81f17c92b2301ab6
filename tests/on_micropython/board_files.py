# SPDX-License-Identifier: Apache-2.0
# A file system on the simulated flash. Writes numbered files, removes every other one, and prints
# a line before and after each change; run and cut by tests/hardware/test_keeping.py.

import os

import vfs
from esp32 import Partition

flash = Partition.find(Partition.TYPE_DATA, label="state")[0]
try:
    vfs.mount(vfs.VfsLfs2(flash), "/state")
except OSError:
    print("formatting")
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/state")
print("found", *sorted(os.listdir("/state")))
for name in os.listdir("/state"):
    with open("/state/" + name) as file:
        text = file.read()
    assert text in ("", name * 20), (name, text)
first = 1 + max([int(name) for name in os.listdir("/state")] + [0])
for number in range(first, first + 4):
    print("writing", number)
    with open("/state/%d" % number, "w") as file:
        file.write(str(number) * 20)
    print("written", number)
    if number % 2 == 0:
        print("removing", number)
        os.remove("/state/%d" % number)
        print("removed", number)
print("done")
