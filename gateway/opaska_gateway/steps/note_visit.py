# SPDX-License-Identifier: Apache-2.0
"""Note visit: each touch of a carer's card is kept with what its card is worth; one that counts
may have been expected. What it shows about the band is a fault, or the end of one.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from opaska_gateway import clock
from opaska_gateway.care import touch, visit_test
from opaska_gateway.care.sdm import KEY_BYTES, CardKeys
from opaska_gateway.care.visit_plan import expected
from opaska_gateway.database import visit_faults, visits
from opaska_gateway.logs import get_logger
from opaska_gateway.vault import VaultError, card_keys_purpose
from opaska_protocol.reports import VISIT, VISIT_TEST

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch, Report
    from opaska_gateway.care.visit_plan import Plan
    from opaska_gateway.context import Context
    from opaska_gateway.database.visits import CardRow

DIGEST_BYTES: Final = 16
UNREADABLE: Final = "unreadable"  # a report that names no card; it is stored like any other

log = get_logger()


def note_visit(batch: Batch, context: Context, connection: Connection) -> None:
    """Keep what the fresh reports of this batch say; a repeat hears what was expected again."""
    for report in batch.repeats:
        if report.content.type == VISIT:
            report.planned = visits.told(connection, report.event_id)
    touched = [report for report in batch.fresh if report.content.type == VISIT]
    tested = [report for report in batch.fresh if report.content.type == VISIT_TEST]
    uids = {uid for report in touched if (uid := report.content.fields.get("card"))}
    known = visits.cards(connection, uids)
    cards = {uid: _card(context, row) for uid, row in known.items()}
    rows = [row for report in touched if (row := _touch(report, cards, connection))]
    visits.add(connection, rows, [row for report in tested if (row := _test(report))])
    for report in (*touched, *tested):
        _show(report, connection)


def _touch(
    report: Report, cards: dict[bytes, touch.Card], connection: Connection
) -> dict[str, Any] | None:
    fields, whose = report.content.fields, report.whose
    uid, proof, begins = fields.get("card"), fields.get("proof"), fields.get("begins")
    if not uid or begins is None:
        report.verdict = UNREADABLE
        return None
    card = cards.get(uid)
    judged = touch.judge(card, uid, proof)
    verdict = judged.verdict
    if proof is not None and verdict in touch.REMEMBERED:
        digest = sha256(proof).digest()[:DIGEST_BYTES]
        reading = uid, digest, judged.counter, whose.organisation_id, report.event_id
        if touch.is_replay(verdict, visits.claim(connection, visits.Reading(*reading))):
            verdict = touch.REPLAYED
    report.verdict = touch.standing(verdict, report.occurred_ms, card and card.revoked_ms)
    plan = _plan(report, card, connection) if begins else None
    report.planned = [plan.service, plan.minutes] if plan else None
    of_seq = fields.get("of_seq")
    return {
        "event_id": report.event_id,
        "organisation_id": whose.organisation_id,
        "person_id": whose.person_id,
        "card": uid,
        "card_id": card and card.id,
        "begins": int(begins),
        "taps": max(fields.get("taps", 1), 1),
        "of_boot": None if of_seq is None else fields.get("of_boot", report.header.boot),
        "of_seq": of_seq,
        "verdict": verdict,
        "counter": judged.counter,
        "planned_id": plan and plan.id,
        "at_ms": report.occurred_ms,
    }


def _plan(report: Report, card: touch.Card | None, connection: Connection) -> Plan | None:
    """Only a card that we know is told what was planned."""
    person_id = report.whose.person_id
    if card is None or person_id is None or report.verdict not in touch.WELCOME:
        return None
    plans = visits.plans(connection, person_id, report.occurred_ms)
    is_own = card.organisation_id == report.whose.organisation_id
    return expected(plans, card.carer_id, report.occurred_ms, is_own=is_own)


def _card(context: Context, row: CardRow) -> touch.Card:
    keys = None
    try:
        if row.wrapped_keys is not None:
            both = context.vault.unwrap(card_keys_purpose(row.uid), row.wrapped_keys)
            keys = CardKeys(both[:KEY_BYTES], both[KEY_BYTES:])
    except VaultError as error:  # a visit must not be lost over a broken row
        log.error("card_keys_unusable", card=row.id.hex(), problem=str(error))
    return touch.Card(row.id, row.organisation_id, row.carer_id, row.kind, keys, row.revoked_ms)


def _test(report: Report) -> dict[str, Any] | None:
    fields = report.content.fields
    if "of_seq" not in fields:
        return None
    return {
        "event_id": report.event_id,
        "organisation_id": report.whose.organisation_id,
        "device_id": report.band.device_id,
        "of_boot": fields.get("of_boot", report.header.boot),
        "of_seq": fields["of_seq"],
        "round_trip_ms": fields.get("round_trip_ms"),
        "battery_percent": fields.get("battery_percent"),
        "broken": list(fields.get("broken", ())),
    }


def _show(report: Report, connection: Connection) -> None:
    """What the latest touch or test of a band shows; what comes late changes nothing any more,
    nor what is said of a touch again."""
    fields, received_ms = report.content.fields, report.arrival.received_ms
    if not visit_faults.is_newest(connection, report.id, report.content.type):
        return
    if report.content.type == VISIT:
        findings = visit_test.of_touch(report.occurred_ms, report.occurred_error_ms, received_ms)
    else:
        test = _test(report)
        if test and not visits.is_first_test(connection, report.id[1], test):
            return
        findings = visit_test.of_test(
            fields.get("round_trip_ms"),
            fields.get("battery_percent"),
            fields.get("broken", ()),
            restarted=test is not None and test["of_boot"] != report.header.boot,
        )
    band, now_ms = report.band, clock.now_ms()
    visit_faults.note(
        connection,
        band.device_id,
        band.organisation_id,
        report.event_id,
        report.occurred_ms,
        now_ms,
        findings,
    )
