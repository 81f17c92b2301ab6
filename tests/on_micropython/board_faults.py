# SPDX-License-Identifier: Apache-2.0
# What a failing flash looks like to the firmware; run by tests/hardware/test_keeping.py.

import vfs
from esp32 import Partition

flash = Partition.find(Partition.TYPE_DATA, label="state")[0]
try:
    vfs.mount(vfs.VfsLfs2(flash), "/state")
    print("mounted")
    with open("/state/new", "w") as file:
        file.write("x" * 200)
    print("written")
except OSError as error:
    print("errno", error.errno)
