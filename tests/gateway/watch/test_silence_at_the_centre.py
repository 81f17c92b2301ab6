# SPDX-License-Identifier: Apache-2.0
"""A receiver hears of silent bands and outages in the codes of its table, and of their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.centre.peers import (
    KEY,
    a_receiver,
    centre_for,
    receiver_settings,
    siadc09_answer,
)
from tests.gateway.watch.forwarding import forwarding
from tests.support.pipeline_runs import bring
from tests.support.silence import FAULT_MIN, days
from tests.support.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.gateway_core import Core

ANY_TIME = {"ack_window_s": 0}  # its clock is not ours here
CODES = {
    "SIA-DCS": (["Nri1/BZ1", "Nri1/BR1"], ["Nri1/YC2", "Nri1/YK2"]),
    "ADM-CID": (["1381 01 001", "3381 01 001"], ["1350 01 002", "3350 01 002"]),
}


@pytest.mark.parametrize("protocol", CODES)
async def test_a_silent_band_and_its_return(heart: Core, protocol: str) -> None:
    band, other = [await heart.add_band(account=one) for one in ("CAFE01", "CAFE02")]
    async with a_receiver(siadc09_answer(KEY)) as peer:
        settings = receiver_settings(
            peer.port, key=KEY.hex(), protocol=protocol, text=True, **ANY_TIME
        )
        with days(heart) as here:
            async with centre_for(settings) as centre, forwarding(heart, centre):
                await here.pass_minutes(5, [band, other])
                await here.pass_minutes(FAULT_MIN, [other])
                await until(lambda: len(peer.raw) == 1, "the fault at the centre", 30)
                await until(lambda: heart.context.busy == 0, "its record", 30)
                await bring(heart, (band, band.heartbeat()))
                await here.look()
                await until(lambda: len(peer.raw) == 2, "its end at the centre", 30)
    frames = peer.frames(KEY)
    assert [frame.data.partition("|")[2] for frame in frames] == CODES[protocol][0]
    assert {frame.account for frame in frames} == {"CAFE01"}
    assert all(any("unknown" in block for block in frame.xdata) for frame in frames)


async def test_an_outage_is_told_under_the_account_of_the_organisation(heart: Core) -> None:
    bands = [await heart.add_band(account=f"CAFE0{n}") for n in range(6)]
    async with a_receiver(siadc09_answer(KEY)) as peer:
        settings = receiver_settings(peer.port, key=KEY.hex(), **ANY_TIME)
        with days(heart) as here:
            await here.change("UPDATE organisation SET default_account = 'ABCD'")
            async with centre_for(settings) as centre, forwarding(heart, centre):
                await here.pass_minutes(5, bands)
                await here.pass_minutes(FAULT_MIN)
                await until(lambda: len(peer.raw) == 1, "the outage at the centre", 30)
                await until(lambda: heart.context.busy == 0, "its record", 30)
                await bring(heart, *((band, band.heartbeat()) for band in bands))
                await here.pass_minutes(1)
                await until(lambda: len(peer.raw) == 2, "its end at the centre", 30)
    frames = peer.frames(KEY)
    assert [frame.data.partition("|")[2] for frame in frames] == CODES["SIA-DCS"][1]
    assert {frame.account for frame in frames} == {"ABCD"}
    assert any(
        "6 of 6 bands silent everywhere" in block.replace(",", "") for block in frames[0].xdata
    )


async def test_a_receiver_whose_table_has_no_row_for_it_leaves_it_to_the_technician(
    heart: Core, tmp_path: Path
) -> None:
    row = '{ contact_id = ["100"], sia = ["MA/MH"], zone = 3 }'
    table = tmp_path / "own.toml"
    table.write_text(f"[own]\nsos = {row}\nother = {row}\nperiodic_test = {row}\n", "utf-8")
    band = await heart.add_band()
    async with a_receiver(siadc09_answer(KEY)) as peer:
        settings = receiver_settings(peer.port, key=KEY.hex(), profile="own")
        with days(heart) as here:
            async with (
                centre_for(settings, profiles_file=table) as centre,
                forwarding(heart, centre),
            ):
                await here.pass_minutes(5, [band])
                await here.pass_minutes(FAULT_MIN)
                await until(lambda: heart.context.counters["delivery.unwanted"], "a decision", 30)
        assert peer.raw == []
    assert await here.states() == {band.device_id: "silent"}
