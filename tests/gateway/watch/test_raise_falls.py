# SPDX-License-Identifier: Apache-2.0
"""Promise 7: if no end comes by the deadline the gateway raises the fall, once, whatever fails."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from opaska_gateway import clock, desk
from opaska_gateway.care import fall as care_fall
from opaska_gateway.centre.interface import Delivery, Signal
from opaska_gateway.database import cases, outbox
from opaska_gateway.database import falls as database_falls
from opaska_gateway.registry import people
from opaska_gateway.registry.change import Change
from opaska_gateway.watch import raise_falls
from opaska_gateway.watch.raise_falls import FallRaiser
from opaska_protocol import answers, reports
from tests.gateway.watch.forwarding import forwarding
from tests.support.falls import (
    COUNTDOWN_MS,
    PAST_DEADLINE_MS,
    after_deadline,
    all_due,
    announced,
    cancelled,
    falls,
    fell,
    only_fall,
    raising,
)
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import bring
from tests.support.until import until

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.support.gateway_core import Core


class FakeCentre:
    """Says yes to everything."""

    longest_s = 30.0

    def __init__(self) -> None:
        self.heard: list[Signal] = []

    async def deliver(self, signal: Signal) -> Delivery:
        self.heard.append(signal)
        return Delivery("accepted", "main", "as told")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the gateway has just started is looked at by tests of its own."""
    monkeypatch.setattr(raise_falls, "START_S", 0)


async def _only_case(heart: Core) -> Any:
    (case,) = await heart.cases()
    return case


async def _outbox(heart: Core) -> list[Any]:
    return await heart.rows("SELECT * FROM outbox ORDER BY id")


async def _heard(heart: Core, later_ms: int) -> Signal:
    """What the centre hears so much later."""
    centre = FakeCentre()
    with clock.driven_by(Later(later_ms)):
        async with forwarding(heart, centre):
            await until(lambda: centre.heard, "the centre hears it")
    (signal,) = centre.heard
    return signal


async def test_a_band_that_falls_silent_is_raised_at_the_deadline_and_not_before(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    await after_deadline(heart, COUNTDOWN_MS)
    assert (await only_fall(heart)).state == "announced"
    await after_deadline(heart)
    fall, case = await only_fall(heart), await _only_case(heart)
    assert (fall.state, fall.settled_by) == ("raised", "gateway")
    assert (case.state, case.person_id) == ("ringing", band.person_id)
    said, duty = await heart.events()
    assert (said.rings, said.case_id, said.alarm_kind) == (1, case.id, reports.FALL)
    assert (duty.kind, duty.case_id, duty.id) == ("duty", case.id, fall.settled_by_event_id)
    assert (duty.rings, duty.way, duty.occurred_source) == (0, "gateway", "gateway")
    (row,) = await _outbox(heart)
    assert (row.event_id, row.case_id, row.payload) == (said.id, case.id, '{"kind": "fall"}')


async def test_it_waits_for_the_deadline_itself_and_the_wrist_hears_how_near_help_is(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(care_fall, "GRACE_MS", 150)
    band = await heart.add_band(account="CAFE01")
    centre = FakeCentre()
    async with raising(heart.context), forwarding(heart, centre):
        await bring(heart, (band, announced(band, deadline_s=0)))
        await until(lambda: answers.ACCEPTED in band.states(1), "ACCEPTED on the wrist")
        await desk.take(heart.context, (await _only_case(heart)).id, "dispatcher-1")
        await desk.close(heart.context, (await _only_case(heart)).id, "dispatcher-1", "helped")
    assert band.states(1) == [1, 2, 3, 4]
    (signal,) = centre.heard
    assert (signal.account, signal.kind, signal.late) == ("CAFE01", "fall", False)
    fall = await only_fall(heart)
    assert fall.due_ms <= fall.settled_ms < fall.due_ms + 5_000


async def test_a_cancelled_fall_is_never_raised(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    await bring(heart, (band, cancelled(band, of_seq=1)))
    await after_deadline(heart)
    assert (await only_fall(heart)).state == "cancelled"
    assert await heart.cases() == []
    assert await _outbox(heart) == []


async def test_a_fall_that_the_band_raised_is_not_raised_again(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)), (band, fell(band, of_seq=1)))
    await after_deadline(heart)
    assert len(await _outbox(heart)) == 1
    assert (await only_fall(heart)).settled_by == "deadline"


async def test_a_cancel_after_the_raising_is_kept_and_left_to_a_human(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    await after_deadline(heart)
    await bring(heart, (band, cancelled(band, of_seq=1)))
    fall, case = await only_fall(heart), await _only_case(heart)
    assert (fall.state, fall.settled_by, case.state) == ("raised", "gateway", "ringing")
    assert fall.cancelled_ms is not None
    assert [event.case_id for event in await heart.events()] == [case.id] * 3


@pytest.mark.parametrize(("still", "state"), [(False, "taken"), (True, "ringing")])
async def test_the_bands_own_alarm_joins_the_case_and_rings_it_again_only_with_news(
    heart: Core, still: bool, state: str
) -> None:
    """In a taken case one more fall is only shown, but not that nobody moves."""
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    await after_deadline(heart)
    await desk.take(heart.context, (await _only_case(heart)).id, "dispatcher-1")
    await bring(heart, (band, fell(band, of_seq=1, still=still)))
    assert (await _only_case(heart)).state == state
    fall = await only_fall(heart)
    assert (fall.settled_by, fall.still) == ("gateway", int(still))
    kinds = [row.payload for row in await _outbox(heart)]
    assert kinds == ['{"kind": "fall"}', f'{{"kind": "fall{"_no_movement" if still else ""}"}}']
    assert (answers.TAKEN in band.states(2)) == (not still)


async def test_a_fall_rings_the_open_case_as_a_new_kind_does(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()), (band, announced(band)))
    await desk.take(heart.context, (await _only_case(heart)).id, "dispatcher-1")
    await after_deadline(heart)
    assert (await _only_case(heart)).state == "ringing"
    assert {event.case_id for event in await heart.events()} == {(await _only_case(heart)).id}


async def test_a_second_fall_in_a_taken_case_is_shown_and_told_that_it_is_taken(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    await after_deadline(heart)
    await desk.take(heart.context, (await _only_case(heart)).id, "dispatcher-1")
    await bring(heart, (band, announced(band)))
    await after_deadline(heart)
    assert (await _only_case(heart)).state == "taken"
    assert band.states(2) == [answers.STORED, answers.TAKEN]
    assert len(await _outbox(heart)) == 2


async def test_hours_offline_the_centre_hears_it_late_with_its_true_time(heart: Core) -> None:
    band = await heart.add_band()
    now_ms, hours_ms = clock.now_ms(), 4 * 3_600_000
    await bring(heart, (band, band.heartbeat(uptime_ms=5_000)), received_ms=now_ms)
    frame = (band, announced(band, uptime_ms=6_000))
    with clock.driven_by(Later(hours_ms)):
        await bring(heart, frame)
    await after_deadline(heart, hours_ms + 7_000)  # not another twenty seconds
    assert (await only_fall(heart)).state == "raised"
    signal = await _heard(heart, hours_ms + 8_000)
    assert signal.late
    assert abs(signal.occurred_ms - now_ms - 1_000) < 500


async def test_a_band_that_nobody_wears_alarms_all_the_same(heart: Core) -> None:
    band = await heart.add_band(worn=False)
    await bring(heart, (band, announced(band)))
    await after_deadline(heart)
    case = await _only_case(heart)
    assert (case.person_id, case.device_id, case.state) == (None, band.device_id, "ringing")
    assert len(await _outbox(heart)) == 1


async def test_a_band_revoked_since_still_alarms_and_is_told_nothing(heart: Core) -> None:
    """It was valid when its wearer fell."""
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    await heart.database.transact(
        lambda connection: connection.execute(text("UPDATE device SET revoked_ms = 1")).close()
    )
    await heart.context.changed_elsewhere()
    await after_deadline(heart)
    signal = await _heard(heart, PAST_DEADLINE_MS)
    assert signal.kind == "fall"
    assert band.states() == [answers.STORED]


async def test_somebody_erased_since_is_raised_without_a_name(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    async with heart.database.write() as connection:
        await connection.execute(text("UPDATE assignment SET to_ms = from_ms + 86500000"))
        change = Change(connection, heart.vault, "os:test", clock.now_ms())
        assert band.person_id is not None
        await people.erase(change, band.person_id.hex(), "asked")
    await heart.context.changed_elsewhere()
    await after_deadline(heart)
    signal = await _heard(heart, PAST_DEADLINE_MS)
    assert signal.account == "1234"
    assert (await _only_case(heart)).state in ("ringing", "forwarded")


async def test_an_agreement_with_an_external_receiver_makes_an_external_case(heart: Core) -> None:
    band = await heart.add_band(handling="external")
    await bring(heart, (band, announced(band)))
    await after_deadline(heart)
    assert (await _only_case(heart)).handling == "external"


@pytest.mark.parametrize("set_back_ms", [10_000, 3_600_000, 10**12])
async def test_a_clock_that_is_set_back_makes_nobody_wait_longer(
    heart: Core, set_back_ms: int
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    await after_deadline(heart, PAST_DEADLINE_MS - PAST_DEADLINE_MS - set_back_ms)
    assert (await only_fall(heart)).state == "raised"


async def test_two_gateways_raise_a_fall_once(heart: Core) -> None:
    band = await heart.add_band()
    for _ in range(20):
        await bring(heart, (band, announced(band)))
    with clock.driven_by(Later(PAST_DEADLINE_MS)):
        gateways = [FallRaiser(heart.context), FallRaiser(heart.new_context())]
        await asyncio.gather(*map(all_due, gateways))
    assert [gateway._problem for gateway in gateways] == [None, None]
    assert {fall.state for fall in await falls(heart)} == {"raised"}
    assert len(await _outbox(heart)) == 20
    assert len(await heart.cases()) == 1
    assert [event.kind for event in await heart.events()].count("duty") == 20


async def test_a_fall_that_was_settled_since_it_was_found_due_is_left_alone(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    later_ms = clock.now_ms() + PAST_DEADLINE_MS
    look = partial(database_falls.due, now_ms=later_ms, but=())
    (found,) = await heart.database.transact(look)
    await bring(heart, (band, cancelled(band, of_seq=1)))
    assert await heart.database.transact(partial(raise_falls._raise, found)) is None
    assert await heart.cases() == []


async def test_a_cancel_that_waited_while_the_gateway_was_away_counts_first(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raise_falls, "START_S", 0.4)
    band, silent = await heart.add_band(), await heart.add_band()
    await bring(heart, (band, announced(band)), (silent, announced(silent)))
    started = heart.new_context()
    with clock.driven_by(Later(PAST_DEADLINE_MS)):
        async with raising(started):
            await bring(heart, (band, cancelled(band, of_seq=1)), context=started)
            await until(lambda: started.counters["falls_raised"], "the other one is raised")
    assert [fall.state for fall in await falls(heart)] == ["cancelled", "raised"]


async def test_a_cancel_that_waits_for_the_disk_counts_first(heart: Core) -> None:
    """Reports and falls wait for the same disk; when it is well again, reports are first."""
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    sick: list[str | None] = ["the disk is full"]
    raiser = FallRaiser(heart.context, lambda: sick[0])
    with clock.driven_by(Later(PAST_DEADLINE_MS)):
        assert await raiser._round() == raise_falls.TRY_AGAIN_S
        assert raiser._problem == "the disk is full"
        await bring(heart, (band, cancelled(band, of_seq=1)))
        sick[0] = None
    with clock.driven_by(Later(PAST_DEADLINE_MS + 1_000)):
        await all_due(raiser)
    assert raiser._problem is None
    assert (await only_fall(heart)).state == "cancelled"


async def test_an_end_that_comes_while_it_is_raised_counts_or_comes_too_late(heart: Core) -> None:
    bands = [await heart.add_band() for _ in range(8)]
    for band in bands:
        await bring(heart, (band, announced(band)))
    with clock.driven_by(Later(PAST_DEADLINE_MS)):
        await asyncio.gather(
            all_due(FallRaiser(heart.context)),
            bring(heart, *((band, cancelled(band, of_seq=1)) for band in bands)),
        )
    raised = [fall for fall in await falls(heart) if fall.state == "raised"]
    assert all(fall.cancelled_ms is not None for fall in await falls(heart))
    assert len(await heart.cases()) == len(await _outbox(heart)) == len(raised)


async def test_a_fall_announced_at_another_gateway_that_died_is_raised_by_this_one(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(care_fall, "GRACE_MS", 50)
    monkeypatch.setattr(raise_falls, "LOOK_AGAIN_S", 0.05)
    band, other = await heart.add_band(), heart.new_context()
    async with raising(other):
        await bring(heart, (band, announced(band, deadline_s=0)))  # wakes only its own process
        await until(lambda: other.counters["falls_raised"], "the other gateway raises it")
    assert len(await _outbox(heart)) == 1


async def test_a_flood_of_falls_from_one_band_delays_no_fall_of_another(heart: Core) -> None:
    """Promise 10: a stolen band announces as fast as it can, with no time to cancel."""
    stolen, wearer = await heart.add_band(), await heart.add_band()
    await bring(heart, *((stolen, announced(stolen, deadline_s=0)) for _ in range(MANY)))
    await bring(heart, (wearer, announced(wearer, deadline_s=0)))
    await after_deadline(heart)
    order = [fall.device_id for fall in sorted(await falls(heart), key=_raised_as)]
    assert len(order) == MANY + 1
    assert wearer.device_id in order[:2]


def _raised_as(fall: Any) -> int:
    """Its duty's row: they count up."""
    assert fall.state == "raised"
    return int(fall.settled_by_event_id)


MANY = 60  # falls: more rows than the pages at hand have room for
PLACES = ("open_case", "raise_fall", "outbox.add", "commit")


@pytest.mark.parametrize("place", PLACES)
async def test_a_failure_within_the_raising_leaves_nothing_half_done(
    heart: Core, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))

    def fails(*_: object, **__: object) -> None:
        raise OSError("planted")

    with monkeypatch.context() as broken:
        if place == "open_case":
            broken.setattr(cases, "open_cases", fails)
        elif place == "raise_fall":
            broken.setattr(database_falls, "_add_duty", fails)
        elif place == "outbox.add":
            broken.setattr(outbox, "add", fails)
        else:
            broken.setattr(raise_falls, "Raised", fails)  # the last thing before COMMIT
        await after_deadline(heart)
    assert (await only_fall(heart)).state == "announced"
    assert await heart.cases() == []
    assert [event.rings for event in await heart.events()] == [0]
    await after_deadline(heart)
    assert (await only_fall(heart)).state == "raised"
    assert len(await _outbox(heart)) == len(await heart.cases()) == 1


async def test_one_fall_that_cannot_be_raised_holds_up_no_other(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    bands = [await heart.add_band() for _ in range(3)]
    for band in bands:
        await bring(heart, (band, announced(band)))
    raise_fall = database_falls.raise_fall

    def chokes(connection: Connection, fall: Any, *rest: Any) -> None:
        if fall.kid == bands[1].kid:
            raise ValueError("planted")
        raise_fall(connection, fall, *rest)

    monkeypatch.setattr(database_falls, "raise_fall", chokes)
    await after_deadline(heart)
    states = {fall.device_id: fall.state for fall in await falls(heart)}
    assert [states[band.device_id] for band in bands] == ["raised", "announced", "raised"]


async def test_a_full_disk_at_the_deadline_is_said_and_the_fall_is_raised_later(
    heart: Core, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(care_fall, "GRACE_MS", 50)
    monkeypatch.setattr(raise_falls, "TRY_AGAIN_S", 0.02)
    band = await heart.add_band()
    await bring(heart, *((band, announced(band, deadline_s=0)) for _ in range(MANY)))
    await heart.database.transact(_may_not_grow)
    async with raising(heart.context) as raiser:
        await until(lambda: raiser._problem, "the raiser notices the full disk")
        assert raiser._problem == "the disk is full"
        assert "announced" in {fall.state for fall in await falls(heart)}
        await heart.database.transact(_may_grow)
        await until(lambda: heart.context.counters["falls_raised"] == MANY, "all are raised")
        await until(lambda: raiser._problem is None, "well again")
    said = capsys.readouterr()
    lines = said.out + said.err
    assert lines.count("falls_not_raised") == lines.count("falls_raised_again") == 1
    assert len(await _outbox(heart)) == MANY
    assert [event.kind for event in await heart.events()].count("duty") == MANY


def _may_not_grow(connection: Connection) -> None:
    pages = connection.execute(text("PRAGMA page_count")).scalar()
    connection.execute(text(f"PRAGMA max_page_count={pages}")).close()


def _may_grow(connection: Connection) -> None:
    connection.execute(text("PRAGMA max_page_count=1000000")).close()


async def test_the_due_falls_are_found_by_their_own_index(heart: Core) -> None:
    values = {"now_ms": 1, "ahead_ms": 2, "but": [3]}
    for query in (database_falls._DUE, database_falls._NEXT):
        known = {name: value for name, value in values.items() if name in query.compile().params}
        wanted = query.params(known)
        statement = wanted.compile(compile_kwargs={"literal_binds": True})
        plan = await heart.rows(f"EXPLAIN QUERY PLAN {statement}")
        details = " ".join(row.detail for row in plan)
        assert "USING INDEX ix_announced_fall_due" in details.replace("COVERING ", "")
