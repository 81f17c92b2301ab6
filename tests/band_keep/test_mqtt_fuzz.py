# SPDX-License-Identifier: Apache-2.0
"""A rogue broker can end a link, but not the client, and not by filling its memory."""

import json

import pytest

from tests.band_keep import on_micropython


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", [1, 2])
def test_no_packet_of_a_broker_stops_the_client(seed: int, effort: int) -> None:
    child = on_micropython.start("mqtt_fuzz.py", str(seed), str(25_000 * effort))
    came = json.loads(on_micropython.last_line(child, 1800))
    assert came["alive"]
    assert came["unknown"] == []
    assert came["grown"] < 8_000
    assert came["packets"] >= 50_000 * effort
