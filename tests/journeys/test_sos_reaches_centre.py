# SPDX-License-Identifier: Apache-2.0
"""A pressed button reaches a monitoring centre that we did not write, and the wrist feels it all.

Real firmware on a simulated board, a real broker and gateway, pysiaalarm as the centre.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from opaska_protocol import answers
from opaska_tools.stage.scene import SOS_CODE, Scene
from opaska_tools.stage.stored import alarms_of
from opaska_tools.stage.tls_mosquitto import TlsMosquitto
from tests.support.command import opaska
from tests.support.requirements import requires_program
from tests.support.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.gateway import Station
    from opaska_tools.stage.scene import Worn

pytestmark = requires_program("micropython")

HOLD_MS = 700
SAID_BY_ANSWERS = ("stored", "accepted", "taken", "closed", "not_sent")
BROKERS = [
    "embedded",
    pytest.param("mosquitto with TLS-PSK", marks=requires_program("mosquitto")),
]


@pytest.mark.parametrize("broker", BROKERS)
async def test_sos_is_felt_stored_accepted_taken_and_closed(tmp_path: Path, broker: str) -> None:
    mosquitto = None if broker == "embedded" else TlsMosquitto(tmp_path / "mosquitto")
    async with Scene(tmp_path, 1, mosquitto=mosquitto) as scene:
        await scene.set_up()
        (worn,) = scene.worn
        assert not _said(worn), "it speaks before it is pressed"
        await worn.band.press(HOLD_MS)
        await worn.band.wait_note("accepted")
        assert _said(worn) == ["stored", "accepted"]
        assert scene.receiver.rang(SOS_CODE) == [worn.account]
        assert alarms_of(scene.gateway.database_file, worn.kid) == 1
        (case,) = json.loads(await opaska(scene.gateway, "cases", "list", "--json"))
        assert case["kid"] == worn.kid
        await opaska(scene.gateway, "cases", "take", case["id"])
        await worn.band.wait_note("taken")
        await opaska(scene.gateway, "cases", "close", case["id"], "--outcome", "helped")
        await worn.band.wait_note("closed")
        assert _said(worn) == ["stored", "accepted", "taken", "closed"]
        assert json.loads(await opaska(scene.gateway, "cases", "list", "--json")) == []


@pytest.mark.parametrize("broker", BROKERS)
async def test_answer_that_was_lost_with_its_link_is_felt_on_the_next_one(
    tmp_path: Path, broker: str
) -> None:
    """The broker believes that the band has it; no heartbeat is due for minutes."""
    mosquitto = None if broker == "embedded" else TlsMosquitto(tmp_path / "mosquitto")
    sent: list[int] = []

    def passed(station: Station) -> None:
        if station.name == "answer_sent":
            sent.append(station.details["state"])

    async with Scene(tmp_path, 1, mosquitto=mosquitto, on_station=passed) as scene:
        await scene.set_up()
        (worn,) = scene.worn
        await worn.band.press(HOLD_MS)
        await worn.band.wait_note("accepted")
        (case,) = json.loads(await opaska(scene.gateway, "cases", "list", "--json"))
        worn.band.link.cut("silence")
        await opaska(scene.gateway, "cases", "take", case["id"])
        await until(lambda: answers.TAKEN in sent, "it is on its way")
        worn.band.link.reset_connections()
        worn.band.link.restore()
        await worn.band.wait_note("taken", 60)


async def test_answer_that_a_broker_forgot_when_it_restarted_is_felt_with_the_next_link(
    tmp_path: Path,
) -> None:
    """The embedded one keeps nothing over a restart; no heartbeat is due for minutes."""
    sent: list[int] = []

    def passed(station: Station) -> None:
        if station.name == "answer_sent":
            sent.append(station.details["state"])

    async with Scene(tmp_path, 1, on_station=passed) as scene:
        await scene.set_up()
        (worn,) = scene.worn
        await worn.band.press(HOLD_MS)
        await worn.band.wait_note("accepted")
        (case,) = json.loads(await opaska(scene.gateway, "cases", "list", "--json"))
        worn.band.link.cut("reset")
        await scene.gateway.kill()
        await scene.gateway.start()
        await opaska(scene.gateway, "cases", "take", case["id"])
        await until(lambda: answers.TAKEN in sent, "it is lost")
        worn.band.link.target = ("127.0.0.1", scene.gateway.broker_port)
        worn.band.link.restore()
        await worn.band.wait_note("taken", 60)


async def test_motor_buzzer_and_led_speak_and_the_motor_grows_stronger(tmp_path: Path) -> None:
    async with Scene(tmp_path, 1) as scene:
        await scene.set_up()
        (worn,) = scene.worn
        await worn.band.press(HOLD_MS)
        stored = await worn.band.wait_note("stored")
        accepted = await worn.band.wait_note("accepted")
        await worn.band.wait_signal(
            lambda s: s.output == "motor" and s.duty == 0, since_ms=accepted.t_ms + 100
        )
        strongest = [
            max(s.duty for s in worn.band.signals if s.output == "motor" and begin <= s.t_ms < end)
            for begin, end in ((stored.t_ms, accepted.t_ms), (accepted.t_ms, float("inf")))
        ]
        assert 0 < strongest[0] < strongest[1]
        spoke = {s.output for s in worn.band.signals if s.t_ms >= accepted.t_ms and s.duty > 0}
        assert {"motor", "buzzer", "led_green"} <= spoke


def _said(worn: Worn) -> list[str]:
    return [note.name for note in worn.band.notes if note.name in SAID_BY_ANSWERS]
