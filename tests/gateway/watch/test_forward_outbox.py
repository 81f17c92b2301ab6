# SPDX-License-Identifier: Apache-2.0
"""Forwarding goes on until the centre has it, and the wrist hears only what is true."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text, update

from opaska_gateway import clock, desk
from opaska_gateway.care.occurred import LATE_MS
from opaska_gateway.centre import Centre as RealCentre
from opaska_gateway.centre import CentreSettings
from opaska_gateway.centre.interface import Delivery, Outcome, Signal
from opaska_gateway.database import outbox, tables
from opaska_gateway.errors import Refused
from opaska_gateway.watch import forward_outbox
from opaska_gateway.watch.forward_outbox import HANDS, PAUSES_MS
from opaska_protocol import answers, reports
from tests.gateway.watch.forwarding import forwarding
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import bring
from tests.support.until import until

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.database.outbox import Waiting
    from tests.support.gateway_core import Core


AT_ONCE = HANDS[outbox.CENTRE]
LEASE_MS = 45_000


class FakeCentre:
    """A centre that does what it is told, and remembers what it heard."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)  # the last one for ever
        self.heard: list[Signal] = []
        self.longest_s = 30.0
        self.at_once = self.most_at_once = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def deliver(self, signal: Signal) -> Delivery:
        self.heard.append(signal)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.may_answer.wait()
        self.at_once -= 1
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        return Delivery(outcome, "main", "as told")


async def _outbox(heart: Core) -> Any:
    (row,) = await heart.rows("SELECT * FROM outbox")
    return row


def _attempted(heart: Core, times: int) -> Any:
    """Looks at the file itself, as `until` wants no coroutine."""
    connection = sqlite3.connect(str(heart.database.url.database))

    def enough() -> bool:
        query = "SELECT count(*) FROM outbox WHERE attempts >= ? AND lease_owner IS NULL"
        count: int = connection.execute(query, (times,)).fetchone()[0]
        return count > 0

    return enough


async def test_an_alarm_is_handed_over_at_once_and_the_wrist_hears_accepted(heart: Core) -> None:
    band = await heart.add_band(account="CAFE01")
    centre = FakeCentre("accepted")
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos(position=[522_297_700, 210_122_000, 12, 3])))
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist", 5.0)
    (signal,) = centre.heard
    assert (signal.account, signal.kind, signal.late) == ("CAFE01", "sos", False)
    assert signal.position == (52.22977, 21.0122)
    row = await _outbox(heart)
    assert (row.outcome, row.detail, row.attempts) == ("accepted", "main: as told", 1)
    (case,) = await heart.cases()
    assert case.state == "forwarded"
    assert case.forwarded_ms is not None


async def test_a_plain_yes_forwards_the_case_but_is_not_told_to_the_wrist(heart: Core) -> None:
    band = await heart.add_band()
    async with forwarding(heart, FakeCentre("accepted_plain")):
        await bring(heart, (band, band.sos()))
        await until(_attempted(heart, 1), "an attempt")
    assert (await heart.cases())[0].state == "forwarded"
    assert band.states() == [answers.STORED]


@pytest.mark.parametrize("outcome", ["refused", "unreachable", "unverified"])
async def test_a_no_leaves_the_case_open_and_visible_and_is_tried_again(
    heart: Core, outcome: Outcome
) -> None:
    band = await heart.add_band()
    async with forwarding(heart, FakeCentre(outcome)):
        await bring(heart, (band, band.sos()))
        await until(_attempted(heart, 1), "an attempt")
    row = await _outbox(heart)
    assert (row.done_ms, row.outcome, row.detail) == (None, outcome, "main: as told")
    wait_ms = row.next_attempt_ms - clock.now_ms()
    assert PAUSES_MS[0] - 10_000 < wait_ms <= PAUSES_MS[0]
    assert (await heart.cases())[0].state == "ringing"
    assert band.states() == [answers.STORED]


async def test_attempts_never_end_and_their_pauses_stay_bounded(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward_outbox, "PAUSES_MS", (1, 2, 4))
    band = await heart.add_band()
    failures: list[Outcome] = ["unreachable"] * 12
    centre = FakeCentre(*failures, "refused", "accepted")
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()))
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")
    assert len(centre.heard) == 14
    assert [forward_outbox._pause_ms(n) for n in range(1, 7)] == [1, 2, 4, 4, 4, 4]


async def test_a_centre_that_hangs_is_given_up_and_tried_again(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward_outbox, "SPARE_S", 0.04)
    band = await heart.add_band()
    centre = FakeCentre("accepted")
    centre.longest_s = 0.01
    centre.may_answer.clear()
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()))
        await until(_attempted(heart, 1), "an attempt")
    assert (await _outbox(heart)).outcome == "unreachable"
    assert band.states() == [answers.STORED]


async def test_a_lease_outlasts_the_longest_delivery_that_the_settings_allow(
    heart: Core,
) -> None:
    """Else a second hand would send what the first is still sending."""
    band = await heart.add_band()
    slow = {"host": "h", "port": 1, "supervision": "off", "timeout_s": 60, "retries": 10}
    receivers = [slow | {"name": "main"}, slow | {"name": "backup"}]
    settings = CentreSettings.model_validate({"receiver": receivers, "patience_s": 60})
    centre = FakeCentre("accepted")
    centre.longest_s = RealCentre(settings, clock.now_ms).longest_s
    assert centre.longest_s == settings.longest_s > 1_400
    centre.may_answer.clear()
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()))
        await until(lambda: centre.heard, "the signal")
        left_ms = (await _outbox(heart)).lease_until_ms - clock.now_ms()
        assert left_ms > settings.longest_s * 1000
        with clock.driven_by(Later(int(settings.longest_s * 1000))):
            assert await _claim(heart, b"2" * 16, clock.now_ms()) == []


async def test_an_error_of_ours_in_one_delivery_stops_no_other(heart: Core) -> None:
    class Broken(FakeCentre):
        async def deliver(self, signal: Signal) -> Delivery:
            if signal.account == "BAD":
                raise ValueError("planted")
            return await super().deliver(signal)

    bad, good = await heart.add_band(account="BAD"), await heart.add_band(account="600D")
    async with forwarding(heart, Broken("accepted")):
        await bring(heart, (bad, bad.sos()), (good, good.sos()))
        await until(lambda: answers.ACCEPTED in good.states(), "ACCEPTED on the good band")
    assert bad.states() == [answers.STORED]


async def test_an_alarm_whose_body_cannot_be_opened_is_forwarded_without_a_position(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos(position=[522_297_700, 210_122_000, 12, 3])))
    async with heart.database.write() as connection:
        await connection.execute(update(tables.event).values(body=bytes(60)))
    centre = FakeCentre("accepted")
    async with forwarding(heart, centre):
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")
    assert centre.heard[0].position is None


async def test_an_unreadable_outbox_does_not_end_the_forwarding(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward_outbox, "SICK_PAUSE_S", 0.02)
    band = await heart.add_band()
    async with forwarding(heart, FakeCentre("accepted")):
        await bring(heart, (band, band.sos()))
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")
        async with heart.database.write() as connection:
            await connection.exec_driver_sql("ALTER TABLE outbox RENAME TO away")
        heart.context.outbox_ready.set()
        await until(lambda: not heart.context.outbox_ready.is_set(), "a look")
        async with heart.database.write() as connection:
            await connection.exec_driver_sql("ALTER TABLE away RENAME TO outbox")
        await bring(heart, (band, band.sos()))
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED for the next")


async def test_without_an_account_the_operator_is_told_and_a_later_one_counts(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward_outbox, "PAUSES_MS", (20,))
    band = await heart.add_band(account=None)
    centre = FakeCentre("accepted")
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()))
        await until(_attempted(heart, 1), "an attempt")
        assert "no account" in (await _outbox(heart)).detail
        assert centre.heard == []
        async with heart.database.write() as connection:
            await connection.execute(update(tables.assignment).values(account="ABC123"))
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")
    assert centre.heard[0].account == "ABC123"


async def test_an_unworn_bands_alarm_goes_to_the_organisations_own_account(heart: Core) -> None:
    band = await heart.add_band(worn=False)
    async with heart.database.write() as connection:
        await connection.execute(update(tables.organisation).values(default_account="0FF1CE"))
    centre = FakeCentre("accepted")
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()))
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")
    assert centre.heard[0].account == "0FF1CE"


async def test_a_late_alarm_keeps_its_true_time_and_its_label(heart: Core) -> None:
    band = await heart.add_band()
    now = clock.now_ms()
    centre = FakeCentre("accepted")
    uptime_ms = 10 * LATE_MS
    live, waited = band.heartbeat(uptime_ms=uptime_ms), band.sos(uptime_ms=uptime_ms - 2 * LATE_MS)
    async with forwarding(heart, centre):
        await bring(heart, (band, live), (band, waited), received_ms=now)
        await until(lambda: centre.heard, "the signal")
    assert centre.heard[0].late
    assert centre.heard[0].occurred_ms == now - 2 * LATE_MS


async def test_an_alarm_that_waited_for_the_centre_tells_it_when_it_happened(
    heart: Core,
) -> None:
    """The receiver stamps what it hears with the time of the frame, unless told otherwise."""
    band = await heart.add_band()
    centre = FakeCentre("unreachable", "accepted")
    happened_ms = clock.now_ms()
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()), received_ms=happened_ms)
        await until(_attempted(heart, 1), "an attempt")
        with clock.driven_by(Later(3_600_000)):
            heart.context.outbox_ready.set()
            await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")
    assert [signal.late for signal in centre.heard] == [False, True]
    assert centre.heard[1].occurred_ms == happened_ms


async def test_an_alarm_that_is_sent_again_keeps_its_number_and_tells_when_it_happened(
    heart: Core,
) -> None:
    """A gateway killed between the centre's yes and its record cannot know of the yes."""
    band = await heart.add_band()
    first, second = FakeCentre("accepted"), FakeCentre("accepted")
    first.may_answer.clear()
    async with forwarding(heart, first):
        await bring(heart, (band, band.sos()))
        await until(lambda: first.heard, "the signal")
    async with forwarding(heart, second, heart.new_context()):
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")
    (once,), (again,) = first.heard, second.heard
    assert (once.late, again.late) == (False, True)
    assert replace(again, late=False) == once


async def test_a_clock_that_is_set_back_does_not_put_the_next_attempt_off(heart: Core) -> None:
    band = await heart.add_band()
    centre = FakeCentre("unreachable", "accepted")
    async with forwarding(heart, centre):
        with clock.driven_by(Later(365 * 86_400_000)):  # until the time server is heard
            await bring(heart, (band, band.sos()))
            await until(_attempted(heart, 1), "an attempt")
        heart.context.outbox_ready.set()
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")


async def test_the_case_is_forwarded_only_when_the_centre_has_every_alarm_of_it(
    heart: Core,
) -> None:
    band = await heart.add_band()
    async with forwarding(heart, FakeCentre("accepted", "refused")):
        await bring(heart, (band, band.sos()), (band, band.sos(kind=reports.FALL)))
        await until(_attempted(heart, 1), "an attempt")
        await until(lambda: (1, 1, answers.ACCEPTED) in band.answers, "ACCEPTED for the first")
    assert (await heart.cases())[0].state == "ringing"
    assert (1, 2, answers.ACCEPTED) not in band.answers


async def test_deliveries_run_side_by_side_but_not_without_bound(heart: Core) -> None:
    bands = [await heart.add_band(account=f"{n:04X}") for n in range(AT_ONCE + 9)]
    centre = FakeCentre("accepted")
    centre.may_answer.clear()
    async with forwarding(heart, centre):
        await bring(heart, *((band, band.sos()) for band in bands))
        await until(lambda: centre.at_once == AT_ONCE, "all hands full")
        assert heart.context.busy == AT_ONCE
        centre.may_answer.set()
        await until(
            lambda: all(answers.ACCEPTED in band.states() for band in bands), "all accepted"
        )
    assert centre.most_at_once == AT_ONCE
    assert len(centre.heard) == len(bands)


async def test_a_flood_of_alarms_from_one_band_delays_no_alarm_of_another(heart: Core) -> None:
    """Promise 10: the centre hangs, or answers slowly, while a stolen band raises alarms."""
    stolen = await heart.add_band(account="BAD0")
    wearer = await heart.add_band(account="600D")
    centre = FakeCentre("accepted")
    centre.may_answer.clear()
    async with forwarding(heart, centre):
        await bring(heart, *((stolen, stolen.sos()) for _ in range(5 * AT_ONCE)))
        await until(lambda: centre.heard, "the first is on its way")
        await bring(heart, (wearer, wearer.sos()))
        await until(lambda: centre.heard[-1].account == "600D", "the wearer's goes beside it", 5)
        centre.may_answer.set()
        await until(lambda: len(centre.heard) == 5 * AT_ONCE + 1, "and none is forgotten")


async def _claim(heart: Core, owner: bytes, at_ms: int) -> list[Waiting]:
    lease = outbox.Lease(owner, LEASE_MS, LEASE_MS + PAUSES_MS[-1])

    def claim(connection: Connection) -> list[Waiting]:
        return outbox.claim(connection, outbox.CENTRE, lease, at_ms, AT_ONCE)

    return await heart.database.transact(claim)


async def test_what_a_killed_gateway_had_in_hand_is_handed_over_by_the_next(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    assert len(await _claim(heart, bytes(16), clock.now_ms())) == 1
    async with forwarding(heart, FakeCentre("accepted"), heart.new_context()):
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist", 5.0)


async def test_a_lease_keeps_a_row_from_others_until_it_ends(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    now = clock.now_ms()
    first, second, third = bytes(16), b"2" * 16, b"3" * 16
    (row,) = await _claim(heart, first, now)
    assert await _claim(heart, second, now + LEASE_MS - 1) == []
    assert len(await _claim(heart, third, now + LEASE_MS)) == 1
    for owner, settled in ((first, False), (third, True), (third, False)):
        settle = partial(outbox.settle, row_id=row.id, owner=owner, done_ms=now)
        assert await heart.database.transact(settle) is settled


async def test_a_closed_case_is_not_forwarded_any_more(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    (case,) = await heart.cases()
    await desk.take(heart.context, case.id, "dispatcher-1")
    await desk.close(heart.context, case.id, "dispatcher-1", "helped")
    assert (await _outbox(heart)).outcome == "case_closed"
    assert await _claim(heart, bytes(16), clock.now_ms() + 1) == []


async def test_no_alarm_of_an_external_case_is_dropped_unless_a_human_took_it_over(
    heart: Core,
) -> None:
    """Its outcome comes from the receiver, which therefore must hear of every alarm."""
    band = await heart.add_band(handling="external")
    centre = FakeCentre("accepted", "refused", "accepted")
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()))
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")
        await bring(heart, (band, band.sos(kind=reports.FALL)))
        await until(lambda: len(centre.heard) == 2 and not heart.context.busy, "the refusal")
        (case,) = await heart.cases()
        with pytest.raises(Refused):
            await desk.take(heart.context, case.id, "dispatcher-1")
        with pytest.raises(Refused):
            await desk.close(heart.context, case.id, "dispatcher-1", "helped")
        with clock.driven_by(Later(PAUSES_MS[0])):
            heart.context.outbox_ready.set()
            await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED for the fall")
    await desk.close(heart.context, case.id, "api:receiver", "helped")
    outcomes = await heart.rows("SELECT outcome FROM outbox")
    assert [row.outcome for row in outcomes] == ["accepted", "accepted"]
    assert band.states() == [answers.STORED, answers.ACCEPTED, answers.CLOSED]


async def test_an_answer_that_comes_after_the_end_changes_nothing(heart: Core) -> None:
    band = await heart.add_band()
    centre = FakeCentre("accepted")
    centre.may_answer.clear()
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()))
        await until(lambda: centre.heard, "the signal")
        (case,) = await heart.cases()
        await desk.take(heart.context, case.id, "dispatcher-1")
        await desk.close(heart.context, case.id, "dispatcher-1", "helped")
        centre.may_answer.set()
        await until(lambda: heart.context.busy == 0, "the end of the delivery")
    assert (await heart.cases())[0].state == "closed"
    assert band.states() == [answers.STORED, answers.TAKEN, answers.CLOSED]


async def test_a_taken_case_hears_accepted_no_more_but_the_centre_still_gets_it(
    heart: Core,
) -> None:
    band = await heart.add_band()
    centre = FakeCentre("accepted")
    await bring(heart, (band, band.sos()))
    await desk.take(heart.context, (await heart.cases())[0].id, "dispatcher-1")
    async with forwarding(heart, centre):
        await until(lambda: centre.heard and heart.context.busy == 0, "the delivery")
    assert band.states() == [answers.STORED, answers.TAKEN]
    assert (await heart.cases())[0].state == "taken"
    assert (await _outbox(heart)).done_ms is not None


async def test_a_delivery_is_not_forgotten_while_the_database_is_locked(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward_outbox, "SICK_PAUSE_S", 0.02)
    band = await heart.add_band()
    centre = FakeCentre("accepted")
    centre.may_answer.clear()
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()))
        await until(lambda: centre.heard, "the signal")
        await heart.database.transact(lambda c: c.execute(text("PRAGMA busy_timeout=10")).close())
        other = sqlite3.connect(str(heart.database.url.database), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        centre.may_answer.set()
        await until(lambda: centre.at_once == 0, "the centre's answer")
        assert band.states() == [answers.STORED]
        other.execute("ROLLBACK")
        other.close()
        await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")
    assert len(centre.heard) == 1


async def test_the_next_attempt_waits_for_its_time_in_the_gateways_clock(heart: Core) -> None:
    band = await heart.add_band()
    centre = FakeCentre("refused", "accepted")
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()))
        await until(_attempted(heart, 1), "an attempt")
        with clock.driven_by(Later(PAUSES_MS[0] - 5_000)):
            heart.context.outbox_ready.set()
            await until(lambda: not heart.context.outbox_ready.is_set(), "a look")
            assert len(centre.heard) == 1
        with clock.driven_by(Later(PAUSES_MS[0] + 5_000)):
            heart.context.outbox_ready.set()
            await until(lambda: answers.ACCEPTED in band.states(), "ACCEPTED on the wrist")
