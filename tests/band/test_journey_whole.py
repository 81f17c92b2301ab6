# SPDX-License-Identifier: Apache-2.0
"""The whole band against a plain broker: a press is felt growing into help."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from opaska_protocol import reports
from opaska_protocol.answers import ACCEPTED, CLOSED, STORED, TAKEN
from tests.support.until import until

if TYPE_CHECKING:
    from opaska_tools.simulator.band import SimulatedBand
    from opaska_tools.simulator.records import Press
    from tests.support.small_gateway import Arrival, SmallGateway

HOLD_MS = 500


async def ready(band: SimulatedBand, gateway: SmallGateway) -> None:
    """Switched on, connected, its first heartbeat answered."""
    await band.start()
    await gateway.arrival(lambda a: a.type == reports.HEARTBEAT)


async def press(band: SimulatedBand, hold_ms: int = 600) -> Press:
    """As fast after the last one as a finger can."""
    await band.time.sleep(100)
    return await band.press(hold_ms)


async def alarm(gateway: SmallGateway, number: int = 1) -> Arrival:
    """The band's alarm of this number."""
    await until(lambda: len(gateway.of_type(reports.ALARM)) >= number, f"alarm {number}")
    return gateway.of_type(reports.ALARM)[number - 1]


def felt(band: SimulatedBand) -> list[str]:
    """Names of the patterns, repetitions left out."""
    return [name for name, _ in itertools.groupby(note.name for note in band.notes)]


async def test_pressed_button_is_reported_stored_and_accepted_on_the_wrist(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await ready(band, gateway)
    await press(band, 700)
    await band.wait_note("stored")
    await band.wait_note("accepted")
    sos = await alarm(gateway)
    assert sos.topic == f"up/{b'opaska01'.hex()}/a"
    assert (sos.fields["kind"], sos.fields["trigger"]) == (reports.SOS, reports.HOLD)
    assert sos.fields["battery_percent"] == 90
    assert "time" not in sos.fields, "the gateway can date this boot by its heartbeat"
    assert sos.size <= 56
    assert felt(band) == ["hold", "working", "stored", "accepted"]
    assert max(signal.duty for signal in band.signals if signal.output == "motor") > 0.5


async def test_where_there_is_gsm_alone_help_is_told_as_well(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await band.modem(lte=False)
    await ready(band, gateway)
    await press(band)
    await band.wait_note("accepted")


async def test_stored_is_felt_at_every_press_once_the_case_before_is_closed(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    gateway.answers = (STORED, ACCEPTED, CLOSED)
    await ready(band, gateway)
    for number in range(1, 13):
        pressed = await press(band, HOLD_MS + 50)
        await band.wait_note("stored", since_ms=pressed.down_ms)
        await alarm(gateway, number)


async def test_help_comes_nearer_in_any_order_and_each_step_is_felt_once(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    gateway.answers = ()
    await ready(band, gateway)
    await press(band)
    sos = await alarm(gateway)
    for state in (ACCEPTED, STORED, ACCEPTED, TAKEN, TAKEN, ACCEPTED, CLOSED, TAKEN):
        await gateway.answer(state, sos.boot, sos.seq)
    await band.wait_note("closed")
    assert felt(band) == ["hold", "working", "accepted", "taken", "closed"]


async def test_forged_and_spoiled_answers_are_never_felt(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    gateway.answers = ()
    await ready(band, gateway)
    await press(band)
    sos = await alarm(gateway)
    genuine = gateway.seal_answer(TAKEN, sos.boot, sos.seq)
    for place in range(0, len(genuine), 3):
        spoiled = bytearray(genuine)
        spoiled[place] ^= 1 << place % 8
        await gateway.send(bytes(spoiled))
    await gateway.send(b"")
    await gateway.answer(STORED, sos.boot, sos.seq)
    await band.wait_note("stored")
    assert "taken" not in felt(band)
    fault = await gateway.arrival(lambda a: a.type == reports.FAULT)
    assert fault.fields["code"] == reports.UNVERIFIED_ANSWERS


async def test_press_during_an_open_case_replays_it_at_once_and_is_a_report_of_its_own(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await ready(band, gateway)
    await press(band)
    await band.wait_note("accepted")
    gateway.answers = ()
    again = await press(band)
    await band.wait_note("accepted", since_ms=again.down_ms)  # though nobody answers now
    second = await alarm(gateway, 2)
    assert second.seq > (await alarm(gateway, 1)).seq


async def test_presses_before_the_answer_send_the_same_report_again(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    gateway.answers = ()
    await ready(band, gateway)
    await press(band)
    await alarm(gateway)
    before = gateway.repeats
    await press(band)
    await until(lambda: gateway.repeats > before, "the same bytes again", 1.5)
    await asyncio.sleep(0)
    assert len(gateway.of_type(reports.ALARM)) == 1
    assert gateway.clashes == []


async def test_sos_pressed_before_there_is_a_link_goes_first_when_there_is_one(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await band.modem(register_ms=3_000)
    await band.start()
    await press(band)
    stored = await band.wait_note("stored")
    attached = next(event["t"] for event in band.events if event.get("ppp"))
    assert stored.t_ms - attached <= 10_000
    assert next(iter(gateway.arrivals.values())).type == reports.ALARM
