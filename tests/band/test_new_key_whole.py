# SPDX-License-Identifier: Apache-2.0
"""A band that is handed over gets a new key: its wearer does not live with the last one's SOS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_protocol import reports
from opaska_protocol.answers import ACCEPTED, CLOSED, STORED, TAKEN
from tests.band.conftest import KID
from tests.support.small_gateway import SmallGateway
from tests.support.until import until

if TYPE_CHECKING:
    from opaska_tools.simulator.band import SimulatedBand

NEW_KEY = bytes(range(16, 32))


async def test_an_sos_of_the_last_wearer_is_sent_and_freed_and_never_felt(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    gateway.answers = ()
    await band.start()
    await band.press(600)
    old = await gateway.arrival(lambda a: a.type == reports.ALARM)
    name = (old.boot, old.seq)
    band.link.reset_connections()  # amqtt would answer the old connection for a while
    await gateway.arrival(lambda a: a.type == reports.LINK_LOST)
    await band.power_cut()
    before = len(band.notes)

    band.provision(KID, 2, NEW_KEY)
    async with SmallGateway(KID, 2, NEW_KEY, gateway.address) as renewed:
        await band.start()
        await _sent_again(gateway, name)
        for state in (ACCEPTED, TAKEN, CLOSED):
            await renewed.answer(state, *name, generation=1)
        for generation in (2, 3):  # another report with its numbers
            await renewed.answer(STORED, *name, generation=generation)
        for _ in range(2):  # as long as nobody has stored it
            await _sent_again(gateway, name)

        await renewed.answer(STORED, *name, generation=1)
        await band.press(600)
        await band.wait_note("accepted")
        times = gateway.times[name]
        await band.restart()
        await renewed.arrival(lambda a: a.type == reports.HEARTBEAT and a.boot == old.boot + 2)
        assert gateway.times[name] == times
    felt = [note.name for note in list(band.notes)[before:]]
    assert felt == ["hold", "working", "stored", "accepted"]


async def _sent_again(gateway: SmallGateway, name: tuple[int, int]) -> None:
    times = gateway.times[name]
    await until(lambda: gateway.times[name] > times, "the SOS of the last wearer")
