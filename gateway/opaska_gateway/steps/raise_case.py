# SPDX-License-Identifier: Apache-2.0
"""Raise case: whatever a person's band reports joins the open case; an alarm opens or rings it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_gateway.database.cases import open_cases
from opaska_gateway.database.events import join_case
from opaska_gateway.ringing import ring

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch, Report
    from opaska_gateway.context import Context
    from opaska_gateway.database.cases import Case


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
            case = cases[whose] = _rung(connection, report, case)
        if case is not None:
            report.case_id = case.id
            joins.append((report.event_id, case.id, report.answer_state))
            if report.rings:  # the next alarm looks at the kinds that the case holds
                join_case(connection, [joins.pop()])
    join_case(connection, joins)


def _rung(connection: Connection, report: Report, case: Case | None) -> Case:
    """A fall after which nobody moves is always news."""
    kind = (report.content.type, report.alarm_kind)
    rung = ring(connection, report.whose, case, kind, is_news=report.still)
    report.opened_case, report.answer_state = rung.opened, rung.answer_state
    return rung.case
