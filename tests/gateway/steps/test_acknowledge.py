# SPDX-License-Identifier: Apache-2.0
"""Answers leave after the commit and are sealed; heartbeats bring again what was not heard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from opaska_gateway import clock, desk, order_arguments, replies
from opaska_gateway.database import orders
from opaska_protocol import answers, cbor, reports
from opaska_protocol.frame import parse_down
from opaska_protocol.orders import LOCATE, MEASURE, SETTINGS, ZONES
from tests.support.gateway_core import BOOT_UPTIME_MS, Later
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from tests.support.gateway_core import Core, CoreBand

QUIET = {3: True}
NOT_ECHOED = "SELECT id FROM event WHERE answer_state > 1 AND echoed_state < answer_state"


async def test_refused_frames_are_done_with_and_never_answered(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, b"\xff"), (band, bytes(2_000)))
    assert heart.sent == []
    assert len(heart.done) == 2
    assert heart.context.counters["refused.indefinite"] == 1


async def test_answers_to_alarms_are_kept_by_the_broker_and_others_are_not(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()), (band, band.heartbeat()))
    assert [keep for _, _, keep in heart.sent] == [True, False]


async def test_no_two_frames_of_a_process_share_a_nonce_and_no_two_processes_a_key(
    heart: Core,
) -> None:
    bands = [await heart.add_band() for _ in range(3)]
    await bring(heart, *((band, band.sos()) for band in bands for _ in range(5)))
    again = [(band, band.sos()) for band in bands for _ in range(5)]
    await bring(heart, *again, context=heart.new_context())
    headers = [parse_down(frame)[0] for _, frame, _ in heart.sent]
    assert len({(header.salt, header.counter) for header in headers}) == 30
    assert len({header.salt for header in headers}) == 2


async def _taken(heart: Core) -> CoreBand:
    """A band whose SOS was taken, but which did not hear of it."""
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    (case,) = await heart.cases()
    await desk.take(heart.context, case.id, "dispatcher-1")
    assert band.states() == [answers.STORED, answers.TAKEN]
    band.answers.clear()
    return band


async def test_a_heartbeat_that_does_not_echo_brings_the_answer_again(heart: Core) -> None:
    band = await _taken(heart)
    await bring(heart, (band, band.heartbeat(answers=[[1, 1, answers.STORED]])))
    assert band.states(1) == [answers.TAKEN]


async def test_a_broken_link_brings_again_what_may_be_lost_with_it(heart: Core) -> None:
    """No heartbeat may be due for minutes; brokers tell of each break with the same bytes."""
    band = await _taken(heart)
    will = band.seal(reports.LINK_LOST, uptime_ms=BOOT_UPTIME_MS)
    for times in (1, 2):
        await bring(heart, (band, will))
        assert band.states(1) == [answers.TAKEN] * times
    await bring(heart, (band, band.heartbeat(answers=[[1, 1, answers.TAKEN]])))
    await bring(heart, (band, will))
    assert band.states(1) == [answers.TAKEN] * 2


async def test_an_echoed_answer_is_not_sent_again(heart: Core) -> None:
    band = await _taken(heart)
    await bring(heart, (band, band.heartbeat(answers=[[1, 1, answers.TAKEN]])))
    await bring(heart, (band, band.heartbeat()))
    assert band.states(1) == []


async def test_a_press_in_a_taken_case_is_told_so_until_it_is_echoed(heart: Core) -> None:
    band = await _taken(heart)
    await bring(heart, (band, band.heartbeat(answers=[[1, 1, answers.TAKEN]])))
    await heart.context.changed_elsewhere()  # the band has nothing to hear now
    await bring(heart, (band, band.sos()))
    press = band.seq
    band.answers.clear()
    await bring(heart, (band, band.heartbeat()))
    assert band.states(press) == [answers.TAKEN]


async def test_what_could_not_be_told_at_once_comes_with_a_heartbeat(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    (case,) = await heart.cases()
    heart.context.bands.forget()
    with pytest.MonkeyPatch.context() as sick:
        sick.setattr(heart.database, "read", _no_reading)
        with pytest.raises(OSError, match="planted"):
            await desk.take(heart.context, case.id, "dispatcher-1")
    await bring(heart, (band, band.heartbeat()))
    assert band.states(1) == [answers.STORED, answers.TAKEN]


def _no_reading() -> None:
    raise OSError("planted")


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_end_is_told_until_it_is_echoed_also_by_a_restarted_gateway(
    heart: Core, restarted: bool
) -> None:
    band = await _taken(heart)
    (case,) = await heart.cases()
    await bring(heart, (band, band.heartbeat(answers=[[1, 1, answers.TAKEN]])))
    await desk.close(heart.context, case.id, "dispatcher-1", "helped")
    band.answers.clear()
    context = heart.new_context() if restarted else heart.context
    await context.resender.load()
    for _ in range(2):
        await bring(heart, (band, band.heartbeat()), context=context)
    assert band.states(1) == [answers.CLOSED, answers.CLOSED]


async def test_a_band_that_restarted_has_nothing_to_echo(heart: Core) -> None:
    band = await _taken(heart)
    band.restart()
    await bring(heart, (band, band.heartbeat()))
    assert [state for boot, _, state in band.answers if boot == 1] == []
    assert await heart.rows(NOT_ECHOED) == []


async def test_a_heartbeat_of_an_earlier_boot_ends_nothing(heart: Core) -> None:
    band = await heart.add_band()
    old_beat = band.heartbeat()
    band.restart()
    await bring(heart, (band, band.sos()))
    (case,) = await heart.cases()
    await desk.take(heart.context, case.id, "dispatcher-1")
    band.answers.clear()
    band_now = (band.boot, band.salt)
    await bring(heart, (band, old_beat))
    assert (band.boot, band.salt) == band_now
    assert (2, 1, answers.TAKEN) in band.answers


async def test_at_most_four_answers_are_brought_again_newest_first(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, *((band, band.sos()) for _ in range(6)))
    (case,) = await heart.cases()
    await desk.take(heart.context, case.id, "dispatcher-1")
    band.answers.clear()
    await bring(heart, (band, band.heartbeat()))
    again = [seq for _, seq, state in band.answers if state == answers.TAKEN]
    assert again == [6, 5, 4, 3]


async def _order(
    heart: Core, band: CoreBand, kind: int = SETTINGS, kept: bytes = cbor.encode(QUIET)
) -> int:
    async with heart.database.write() as connection:
        return await connection.run_sync(
            orders.add, band.device_id, band.organisation_id, kind, kept
        )


async def test_orders_rise_and_are_sent_until_a_heartbeat_echoes_them(heart: Core) -> None:
    band = await heart.add_band()
    where = cbor.encode({})
    assert [await _order(heart, band, LOCATE, where), await _order(heart, band)] == [1, 2]
    await heart.context.resender.load()
    await bring(heart, (band, band.heartbeat(last_dseq=0)))
    assert band.orders == [(1, LOCATE, {}), (2, SETTINGS, QUIET)]
    band.orders.clear()
    await bring(heart, (band, band.heartbeat(last_dseq=1)))
    assert band.orders == [(2, SETTINGS, QUIET)]
    band.orders.clear()
    await bring(heart, (band, band.heartbeat(last_dseq=2)), (band, band.heartbeat(last_dseq=2)))
    assert band.orders == []


async def test_what_was_changed_elsewhere_is_told_once_and_at_once(heart: Core) -> None:
    """A command line takes the case in another process; the service only notices."""
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    (case,) = await heart.cases()
    other_process = heart.new_context()
    other_process.replies.publish = replies.nowhere
    await desk.take(other_process, case.id, "dispatcher-1")
    await _order(heart, band)
    assert band.states() == [answers.STORED]
    for _ in range(3):
        await heart.context.changed_elsewhere()
    assert band.states() == [answers.STORED, answers.TAKEN]
    assert band.orders == [(1, SETTINGS, QUIET)]


async def test_a_boot_report_says_no_echo_and_is_only_answered(heart: Core) -> None:
    band = await _taken(heart)
    boot = band.seal(
        reports.BOOT, uptime_ms=1, cause=1, firmware="1", build=1, board="v1", last_dseq=0
    )
    await bring(heart, (band, boot))
    assert band.answers == [(1, 2, answers.STORED)]


@pytest.mark.parametrize("kept", [b"", b"\xff", cbor.encode([1]), cbor.encode({1: 2})])
async def test_orders_that_nobody_can_read_keep_no_others_back(heart: Core, kept: bytes) -> None:
    band = await heart.add_band()
    for _ in range(5):
        await _order(heart, band, ZONES, kept)
    await _order(heart, band, SETTINGS, b"\xff" if kept else cbor.encode([1]))
    await _order(heart, band, LOCATE, cbor.encode({}))
    await heart.context.resender.load()
    await bring(heart, (band, band.heartbeat(last_dseq=0)), (band, band.sos()))
    assert (7, LOCATE, {}) in band.orders
    assert {kind for _, kind, _ in band.orders} == {LOCATE}
    assert answers.STORED in band.states()


async def test_a_band_that_lost_what_it_kept_is_told_its_safe_zones_again_and_no_flood(
    heart: Core,
) -> None:
    band = await heart.add_band()
    home = {1: [522_242_700, 210_123_000, 300]}
    kept = order_arguments.kept(heart.vault, bytes.fromhex(band.kid_hex), ZONES, home)
    await _order(heart, band, ZONES, kept)
    await heart.context.resender.load()
    await bring(heart, (band, band.heartbeat(last_dseq=0)), (band, band.heartbeat(last_dseq=1)))
    assert band.orders == [(1, ZONES, home)]
    with clock.driven_by(Later(orders.LOST_AGAIN_MS + 1_000)):
        for _ in range(3):
            lost = band.seal(reports.FAULT, uptime_ms=1, code=reports.STATE_LOST)
            await bring(heart, (band, lost))
            await bring(heart, (band, band.heartbeat(last_dseq=2)))
    assert band.orders == [(1, ZONES, home), (2, ZONES, home)]
    first, again = await heart.rows("SELECT created_ms FROM band_order ORDER BY dseq")
    assert first == again, "it is still the order of that wearer's time"


async def test_the_latest_order_of_each_kind_says_it_all(heart: Core) -> None:
    band = await heart.add_band()
    for kind in (SETTINGS, LOCATE, LOCATE, SETTINGS, LOCATE, LOCATE, LOCATE, LOCATE, LOCATE):
        await _order(heart, band, kind, cbor.encode(QUIET if kind == SETTINGS else {}))
    await heart.context.resender.load()
    await bring(heart, (band, band.heartbeat(last_dseq=0)))
    assert band.orders == [(4, SETTINGS, QUIET), (9, LOCATE, {})]


@pytest.mark.parametrize("question", [LOCATE, MEASURE])
async def test_who_asked_for_a_wearer_yesterday_is_not_told_how_she_is_today(
    heart: Core, question: int
) -> None:
    band = await heart.add_band()
    await _order(heart, band)
    await _order(heart, band, question, cbor.encode({}))
    with clock.driven_by(Later(orders.QUESTION_HOLDS_MS - 60_000)):
        await heart.context.resender.load()
        await bring(heart, (band, band.heartbeat(last_dseq=0)))
        assert band.orders == [(1, SETTINGS, QUIET), (2, question, {})]
        keeps = [keep for _, _, keep in heart.sent]  # STORED, and both orders
    band.orders.clear()
    with clock.driven_by(Later(orders.QUESTION_HOLDS_MS + 60_000)):
        await heart.context.resender.load()
        await bring(heart, (band, band.heartbeat(last_dseq=0)))
        assert band.orders == [(1, SETTINGS, QUIET)]
        await heart.database.transact(partial(orders.echo, device_id=band.device_id, last_dseq=1))
        await heart.context.resender.load()
    assert heart.context.resender.waiting == frozenset()
    assert keeps == [False, True, False], "a broker would keep it for longer"


async def test_orders_of_a_restored_database_are_numbered_above_what_the_band_has_seen(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await _order(heart, band)
    await heart.context.resender.load()
    await bring(heart, (band, band.heartbeat(last_dseq=57)))
    assert band.orders == [(58, SETTINGS, QUIET)]
    await bring(heart, (band, band.heartbeat(last_dseq=58)))
    assert await heart.rows("SELECT dseq FROM band_order WHERE echoed_ms IS NULL") == []


@pytest.mark.parametrize("seen", [2, 57])
async def test_an_order_given_long_after_a_restore_has_no_number_that_the_band_has_seen(
    heart: Core, seen: int
) -> None:
    """Nothing waited in the copy; the band had `seen` orders since, of which nobody knows."""
    band = await heart.add_band()
    await _order(heart, band)
    await heart.database.transact(partial(orders.echo, device_id=band.device_id, last_dseq=1))
    for _ in range(3):
        await bring(heart, (band, band.heartbeat(last_dseq=seen, settings_version=0)))
    assert band.orders == []
    assert await _order(heart, band, ZONES, cbor.encode({})) == seen + 1
    await heart.context.resender.load()
    await bring(heart, (band, band.heartbeat(last_dseq=seen, settings_version=0)))
    waiting = await heart.rows("SELECT dseq FROM band_order WHERE echoed_ms IS NULL")
    assert waiting == [(seen + 1,)], "the band has not had it yet"


async def test_an_open_alarm_that_a_restored_database_lacks_is_named_once(
    heart: Core, capsys: pytest.CaptureFixture[str]
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    (case,) = await heart.cases()
    await desk.take(heart.context, case.id, "dispatcher-1")
    known, unknown, waiting = [1, 1, answers.TAKEN], [1, 77, answers.STORED], [1, 78, 0]
    await bring(heart, (band, band.heartbeat(answers=[waiting, known])))
    assert "alarm_not_in_database" not in capsys.readouterr().out
    for _ in range(3):
        await bring(heart, (band, band.heartbeat(answers=[waiting, unknown, known])))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "not_in_database" in line]
    assert "seq=77" in line
    assert band.kid_hex in line


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0xFFFFFFF0])
async def test_a_band_that_claims_the_highest_number_breaks_nothing(
    heart: Core, claimed: int
) -> None:
    band = await heart.add_band()
    await _order(heart, band)
    await heart.context.resender.load()
    for _ in range(20):
        heartbeat = band.heartbeat(last_dseq=claimed, settings_version=0)
        await bring(heart, (band, heartbeat))
        assert band.states() == [answers.STORED]
        await _order(heart, band)
