# SPDX-License-Identifier: Apache-2.0
"""Whatever the bus, the reader or a card says: a number, a proof, or one of two errors. A checksum
of one byte lets a rare wrong frame by: the gateway has the last word on each proof."""

import json

import pytest

from tests.band_keep import on_micropython
from tests.hardware.conftest import needs_micropython

READINGS = 5_000
CAME_OF_IT = {
    "bit": {"right", "broken"},  # of a frame: its checksums see every one
    "frame": {"right", "broken", "lost", "none", "plain", "other"},  # bytes of it
    "card": {"right", "broken", "lost", "none", "plain", "other"},  # behind right checksums
}


@pytest.mark.fuzz
@needs_micropython
@pytest.mark.parametrize("bent", CAME_OF_IT)
def test_nothing_that_is_bent_stops_the_reader_and_no_single_bit_is_believed(
    bent: str, effort: int
) -> None:
    child = on_micropython.start("nfc_fuzz.py", bent, "3", str(READINGS * effort))
    came: dict[str, int] = json.loads(on_micropython.last_line(child, 1800))
    assert sum(came.values()) == READINGS * effort
    assert came.keys() <= CAME_OF_IT[bent]
    assert came["right"] > READINGS * effort // 20
    assert came["broken"] > 0
    if bent == "frame":
        assert came.get("other", 0) <= READINGS * effort // 1_000
