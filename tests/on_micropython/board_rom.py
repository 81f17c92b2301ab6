# SPDX-License-Identifier: Apache-2.0
# What the code of the band takes of its heap; run by tests/hardware/test_rom.py.

import gc

gc.collect()
before = gc.mem_alloc()
import opaska_band.band  # noqa: E402

gc.collect()
print("heap", gc.mem_alloc() - before, opaska_band.band.__file__)
