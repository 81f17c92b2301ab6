# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the gateway around its note of carers' touches: each reading counts, and once.

A reading that was spent by a transaction that died would make the resent touch a replay.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from opaska_gateway import settings_file
from opaska_gateway.pipeline import TOGETHER
from opaska_gateway.registry import cards, carers
from opaska_gateway.registry.change import change
from opaska_gateway.steps.note_visit import note_visit
from opaska_gateway.store import open_store
from opaska_protocol.reports import VISIT, encode_report
from opaska_tools.stage.stored import rows
from tests.journeys.doom import Gap, die_at, start_again
from tests.support.cards import Ntag424
from tests.support.promises import check_all
from tests.support.world import world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

BANDS = 3
NOTED = TOGETHER.index(note_visit)
GAPS = (Gap("together", NOTED + 1), Gap("after", 0))
VERDICTS = "SELECT verdict, count(*) FROM visit_touch GROUP BY verdict"
READINGS = "SELECT count(DISTINCT event_id), count(*) FROM card_reading"


async def test_every_touch_counts_once_whenever_the_gateway_dies(tmp_path: Path) -> None:
    card, taken = Ntag424(), Counter[str]()

    def touch(here: World) -> None:
        for band in here.fleet.bands:
            taken["touches"] += 1
            fields: dict[str, Any] = {"uptime_ms": band.uptime_ms, "begins": True, "taps": 1}
            fields |= {"card": card.uid, "proof": card.read()}
            band.say(encode_report(VISIT, fields), urgent=False)

    async with world(tmp_path, "embedded", BANDS) as here:
        await _register(here, card)
        for gap in GAPS:
            await die_at(here, gap, wave=touch)
        await start_again(here)
        check_all(here.fleet, here.gateway.database_file, here.watch)
        assert taken["touches"] == len(GAPS) * 2 * BANDS
        database_file = here.gateway.database_file
        assert rows(database_file, VERDICTS) == [("verified", taken["touches"])]
        assert rows(database_file, READINGS) == [(taken["touches"], taken["touches"])]


async def _register(here: World, card: Ntag424) -> None:
    settings = settings_file.load(here.gateway.config_file)
    keys = {"meta_read_key": card.keys.meta_read.hex(), "file_read_key": card.keys.file_read.hex()}
    async with open_store(settings.storage) as store, change(store, "os:tester") as now:
        carer = await carers.add(now, {"name": "Anna"})
        await cards.add(now, carer.hex(), card.uid.hex(), keys=keys)
