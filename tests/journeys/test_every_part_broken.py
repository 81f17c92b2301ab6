# SPDX-License-Identifier: Apache-2.0
"""A bus that nobody answers on, a pad that is stuck and a receiver that talks garbage: each is
told once, every heartbeat names them all, and an SOS goes out as ever. In virtual time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import cbor2
import pytest

from opaska_protocol import reports
from opaska_protocol.reports import decode_report
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.command import opaska
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = requires_program("micropython")

LONG_MS = 3_900_000  # a fault that is noted again counts again after an hour
BROKEN = 16  # key of a heartbeat
BODIES = "SELECT body FROM event WHERE report_type = ? ORDER BY id"
ALARMS = "SELECT alarm_kind FROM event WHERE rings = 1"
PARTS = {
    reports.MOTION_SENSOR,
    reports.OXIMETER,
    reports.GNSS,
    reports.NFC,
    reports.GAUGE,
    reports.STRAP_SENSOR,
}


def _nobody(scl: int, sda: int) -> dict[int, object]:
    del scl, sda
    return {}


async def test_a_band_of_which_every_part_is_broken_tells_each_once_and_calls_for_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with virtual_scene(tmp_path) as scene:
        wiring = scene.band.circuit.wiring
        monkeypatch.setattr(wiring, "i2c_chips", _nobody)
        wiring.strap.fault = "pad_stuck"
        wiring.modem.gnss.garbage = lambda _: "\x7f" * 60
        home = ("bands", "zones", scene.kid, "1=52.22427,21.01230,300", "--why", "a test")
        await opaska(scene.gateway, *home)
        await scene.clock.run_for(LONG_MS)
        told = [decode_report(body).fields for (body,) in scene.rows(BODIES, reports.FAULT)]
        beats = [cbor2.loads(body) for (body,) in scene.rows(BODIES, reports.HEARTBEAT)]
        pressed = await scene.band.press(600)
        stored = await scene.band.wait_note("stored", 30)
        assert scene.rows(ALARMS) == [(reports.SOS,)]
    assert Counter(fields["code"] for fields in told) == Counter(PARTS), told
    assert {frozenset(beat[BROKEN]) for beat in beats[-2:]} == {frozenset(PARTS)}
    assert stored.t_ms - pressed.up_ms < 1_000
