# SPDX-License-Identifier: Apache-2.0
"""Raise case: whatever a person's band reports joins the open case; an alarm opens or rings it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_gateway import clock
from opaska_gateway.care.case import RING, TAKEN, alarm_event, step
from opaska_gateway.care.wearing import CONSOLE
from opaska_gateway.database.cases import Case, kinds_held, open_case, open_cases, update_case
from opaska_gateway.database.events import join_case
from opaska_protocol import answers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch, Report
    from opaska_gateway.context import Context


def raise_case(batch: Batch, context: Context, connection: Connection) -> None:
    """Put the fresh reports of this batch into cases, in their order."""
    del context
    people = {report.worn.person_id for report in batch.fresh if report.worn}
    devices = {report.band.device_id for report in batch.fresh if not report.worn}
    cases = open_cases(connection, people, devices)
    joins: list[tuple[int, bytes, int]] = []
    for report in batch.fresh:
        whose = report.worn.person_id if report.worn else report.band.device_id
        case = cases.get(whose)
        if report.rings:
            case = _opened(connection, report) if case is None else _rung(connection, report, case)
            cases[whose] = case
        if case is not None:
            report.case_id = case.id
            joins.append((report.event_id, case.id, report.answer_state))
            if report.rings:  # the next alarm looks at the kinds that the case holds
                join_case(connection, [joins.pop()])
    join_case(connection, joins)


def _opened(connection: Connection, report: Report) -> Case:
    worn = report.worn
    report.opened_case = True
    return open_case(
        connection,
        report.band.device_id,
        worn.organisation_id if worn else report.band.organisation_id,
        worn,
        worn.handling if worn else CONSOLE,
        clock.now_ms(),
    )


def _rung(connection: Connection, report: Report, case: Case) -> Case:
    kind = (report.content.type, report.alarm_kind)
    state, effects = step(case.state, alarm_event(kind, kinds_held(connection, case.id)))
    if RING in effects:
        update_case(connection, case.id, state=state, rang_ms=clock.now_ms())
    if state == TAKEN:  # whoever took the case has this one too
        report.answer_state = answers.TAKEN
    return case._replace(state=state)
