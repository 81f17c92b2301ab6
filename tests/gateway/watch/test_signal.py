# SPDX-License-Identifier: Apache-2.0
"""A position goes to the centre in degrees, and only one that is on Earth."""

from __future__ import annotations

import pytest

from opaska_gateway.database.outbox import CENTRE, Waiting
from opaska_gateway.watch.signal import signal_of
from opaska_protocol import cbor, reports

NOW_MS = 7
ROW = Waiting(
    id=1, destination=CENTRE, payload={"kind": "sos"}, attempts=1, case_id=None, account="1234",
    event_id=1, device_id=bytes(16), kid=bytes(8), person_id=None, generation=1, boot=1, seq=1,
    body_form="clear", body=None, occurred_ms=5, received_ms=6,
)  # fmt: skip


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ([522_297_700, 210_122_000, 12, 3], (52.22977, 21.0122)),
        ([-900_000_000, -1_800_000_000, 0, 0], (-90.0, -180.0)),
        ([900_000_001, 0, 0, 0], None),
        ([0, 1_800_000_001, 0, 0], None),
    ],
)
def test_only_positions_on_earth_are_sent(
    position: list[int], expected: tuple[float, float] | None
) -> None:
    body = reports.encode_report(reports.ALARM, {"uptime_ms": 1, "kind": 1, "position": position})
    signal = signal_of(ROW, body, NOW_MS)
    assert signal is not None
    assert signal.position == expected


@pytest.mark.parametrize("body", [None, b"", b"\xff", cbor.encode({0: 3, 7: "here"})])
def test_an_alarm_without_a_readable_position_is_sent_without_one(body: bytes | None) -> None:
    signal = signal_of(ROW, body, NOW_MS)
    assert signal is not None
    assert signal.position is None


def test_without_an_account_there_is_no_signal() -> None:
    assert signal_of(ROW._replace(account=None), None, NOW_MS) is None
