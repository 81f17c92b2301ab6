# SPDX-License-Identifier: Apache-2.0
# What the simulation takes of the band's heap; run by tests/hardware/test_board.py.

import gc

gc.collect()
before = gc.mem_alloc()
for module in ("machine", "esp32", "network", "socket", "select", "time"):
    __import__(module)
gc.collect()
print("heap", gc.mem_alloc() - before)
