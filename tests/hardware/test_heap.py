# SPDX-License-Identifier: Apache-2.0
"""`opaska bench heap` tells of the whole heap of a real band's image, module by module."""

from __future__ import annotations

from opaska_tools.bench import heap
from tests.hardware.conftest import needs_micropython

WHOLE = 259_072  # bytes that objects may take of 256 KB; MicroPython keeps book in the rest
GROUPS = ("before the firmware", "firmware", "simulated", "asyncio", heap.NAMES)


@needs_micropython
def test_every_byte_of_the_heap_is_told_of() -> None:
    found = heap.run()
    assert found["used"] + found["free"] <= WHOLE
    assert found["used"] == sum(found[group] for group in (*GROUPS, "objects and tasks"))
    assert all(found[group] > 0 for group in GROUPS)
    simulated = found["before the firmware"] + found["simulated"]
    assert 0 < found["stand-ins"] < simulated, "a real band has an asyncio too"
    assert {"opaska_band.band", "machine"} & found["modules"].keys()
