# SPDX-License-Identifier: Apache-2.0
"""Store: every fresh report becomes an event; one that is stored already is a repeat or a clash.

Also keeps what heartbeats echo, so that answers and orders are resent until then and no longer: at
every heartbeat, and when a link broke, with which some were lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opaska_gateway import clock
from opaska_gateway.batch import Refusal
from opaska_gateway.care.wearing import worn_at, worn_despite_clock
from opaska_gateway.database import orders
from opaska_gateway.database.band_settings import hear
from opaska_gateway.database.belonging import give_back
from opaska_gateway.database.echoes import never_stored, take_echoes
from opaska_gateway.database.events import find_report, insert_reports
from opaska_gateway.database.visits import date_again as date_visits_again
from opaska_gateway.database.wear import date_again
from opaska_gateway.logs import get_logger
from opaska_protocol.answers import STORED
from opaska_protocol.orders import ZONES
from opaska_protocol.reports import FAULT, HEARTBEAT, LINK_LOST, STATE_LOST

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch, Report
    from opaska_gateway.context import Context
    from opaska_gateway.resender import Resender

log = get_logger()


def store(batch: Batch, context: Context, connection: Connection) -> None:
    """Insert what is new; find what was stored before."""
    to_correct = context.dating.learn(connection, batch.fresh)
    bands = {report.band.device_id: report.band for report in batch.fresh}
    now_ms = clock.now_ms()
    rows = [_row(report, context, connection, now_ms) for report in batch.fresh]
    event_ids = insert_reports(connection, rows)
    fresh: list[Report] = []
    for report in batch.fresh:
        event_id = event_ids.get(report.id)
        if event_id is None:
            _stored_before(batch, report, connection)
        else:
            report.event_id, report.answer_state = event_id, STORED
            fresh.append(report)
    batch.fresh = fresh
    for (device_id, _, _), corrected in context.dating.correct(connection, to_correct):
        if give_back(connection, context.bodies, bands[device_id], corrected):
            batch.new_in_outbox = True
        date_again(connection, corrected)
        date_visits_again(connection, corrected)
    heard = [report for report in fresh if report.content.type in (HEARTBEAT, LINK_LOST)]
    # brokers may tell of a second broken link with the same bytes
    heard += [report for report in batch.repeats if report.content.type == LINK_LOST]
    for report in heard:
        _hear(batch, context.resender, report, connection)
    for report in fresh:
        if report.content.type == FAULT and report.content.fields.get("code") == STATE_LOST:
            _restore(report, connection)


def _restore(fault: Report, connection: Connection) -> None:
    """What the band has lost: its safe zones. Its settings are ordered by their version."""
    device_id = fault.band.device_id
    if orders.again(connection, device_id, ZONES):
        fault.resend_orders = orders.waiting(connection, device_id)


def _hear(batch: Batch, resender: Resender, heartbeat: Report, connection: Connection) -> None:
    """What it echoes, which settings it has, and what the band is to be told again."""
    device_id, waits = heartbeat.band.device_id, heartbeat.band.kid in resender.waiting
    if waits:
        heartbeat.resend_answers = take_echoes(connection, heartbeat)
    fields = heartbeat.content.fields
    version, last_dseq = has = fields.get("settings_version"), fields.get("last_dseq", 0)
    if version is not None and (waits or not resender.is_settled(device_id, has)):
        owner, then_ms = heartbeat.band.organisation_id, heartbeat.occurred_ms
        is_older = not waits and orders.echo(connection, device_id, last_dseq)
        is_news = hear(connection, device_id, owner, version, then_ms) or is_older
        resender.settle(device_id, None if is_news else has)
        batch.new_settings |= is_news
        waits |= is_news
    if fields.get("answers") and heartbeat.band.kid not in resender.older_than:
        _look_for_lost(resender, heartbeat, connection)
    if waits:
        heartbeat.resend_orders = orders.waiting(connection, device_id)


def _look_for_lost(resender: Resender, heartbeat: Report, connection: Connection) -> None:
    """An alarm that the wrist heard of and nobody knows: the database is a copy of before it."""
    for boot, seq in never_stored(connection, heartbeat):
        resender.older_than.add(heartbeat.band.kid)
        log.error(
            "alarm_not_in_database",
            kid=heartbeat.band.kid_hex,
            boot=boot,
            seq=seq,
            advice="a copy from before this alarm was put back: no case shows it, call its wearer",
        )


def _stored_before(batch: Batch, report: Report, connection: Connection) -> None:
    stored = find_report(connection, report.id)
    if stored is None:
        raise LookupError("a report is neither new nor stored")
    if stored.digest != report.digest:
        batch.refusals.append(Refusal(report.arrival, "id_clash", report.band))
        return
    report.event_id, report.answer_state = stored.event_id, stored.answer_state
    report.case_id = stored.case_id
    batch.repeats.append(report)


def _row(report: Report, context: Context, connection: Connection, now_ms: int) -> dict[str, Any]:
    then = context.dating.when(report)
    report.occurred_ms, report.occurred_error_ms = then.at_ms, then.error_ms
    wearers = report.band.assignments
    report.worn = worn = worn_at(wearers, then.at_ms) or worn_despite_clock(wearers, now_ms)
    device_id, generation, boot, seq = report.id
    person_id = worn.person_id if worn else None
    form, body = context.bodies.sealed(
        connection, report.content.type, person_id, report.id, report.body
    )
    return {
        "organisation_id": worn.organisation_id if worn else report.band.organisation_id,
        "kind": "report",
        "device_id": device_id,
        "person_id": person_id,
        "assignment_id": worn.id if worn else None,
        "generation": generation,
        "boot": boot,
        "seq": seq,
        "digest": report.digest,
        "report_type": report.content.type,
        "alarm_kind": report.alarm_kind,
        "rings": int(report.rings),
        "body_form": form,
        "body": body,
        "uptime_ms": report.content.fields.get("uptime_ms"),
        "occurred_ms": then.at_ms,
        "occurred_error_ms": then.error_ms,
        "occurred_source": then.source,
        "received_ms": report.arrival.received_ms,
        "stored_ms": now_ms,
        "way": report.arrival.way,
        "answer_state": STORED,
        "echoed_state": 0,
    }
