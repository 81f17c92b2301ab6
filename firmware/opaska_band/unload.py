# SPDX-License-Identifier: Apache-2.0
# Modules that are seldom needed are imported where they are used and let go afterwards: their code
# stays in the flash, so this takes milliseconds and gives back a kilobyte or two of the heap each.

import sys


def unload(*names: str) -> None:
    """Let go of these modules; of one whose functions or classes somebody still holds, the memory
    stays taken, and the next import makes it anew."""
    for name in names:
        sys.modules.pop(name, None)
        package, _, own = name.rpartition(".")
        parent = sys.modules.get(package)
        if hasattr(parent, own):
            delattr(parent, own)
