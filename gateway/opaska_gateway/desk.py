# SPDX-License-Identifier: Apache-2.0
"""A human's hand on a case: take it, close it. Each change has its line in the audit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from opaska_gateway import clock
from opaska_gateway.care.case import CLOSE, OUTCOMES, TAKE, NotNow, step
from opaska_gateway.care.wearing import CONSOLE
from opaska_gateway.database import audit, cases, outbox
from opaska_gateway.errors import NotFound, Refused
from opaska_protocol import answers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.context import Context
    from opaska_gateway.database.cases import Case, Told


async def take(context: Context, case_id: bytes, who: str) -> None:
    """A dispatcher takes a case; the wrist is told."""
    told = await context.database.transact(partial(_take, case_id, who))
    await context.resender.tell(told)


async def close(
    context: Context, case_id: bytes, who: str, outcome: str, why: str | None = None
) -> None:
    """A case ends with one of `care.case.OUTCOMES`; the wrist is told."""
    if outcome not in OUTCOMES:
        raise Refused(f"{outcome} is no outcome; write {', '.join(OUTCOMES)}")
    told = await context.database.transact(partial(_close, case_id, who, outcome, why))
    await context.resender.tell(told)


def _take(case_id: bytes, who: str, connection: Connection) -> list[Told]:
    case = _case(connection, case_id)
    if case.handling != CONSOLE:
        raise Refused("this case is handled by the receiver, as its agreement says")
    _step(connection, case, TAKE, who, taken_ms=clock.now_ms(), taken_by=who)
    return cases.advance_answers(connection, answers.TAKEN, case_id=case_id)


def _close(
    case_id: bytes, who: str, outcome: str, why: str | None, connection: Connection
) -> list[Told]:
    now_ms = clock.now_ms()
    case = _case(connection, case_id)
    ending = {"closed_ms": now_ms, "closed_by": who, "outcome": outcome}
    _step(connection, case, CLOSE, who, why=why, **ending)
    outbox.drop_of_case(connection, case_id, now_ms)
    return cases.advance_answers(connection, answers.CLOSED, case_id=case_id)


def _case(connection: Connection, case_id: bytes) -> Case:
    case = cases.find_case(connection, case_id)
    if case is None:
        raise NotFound(f"there is no case {case_id.hex()}; `opaska cases list` shows them")
    return case


def _step(
    connection: Connection, case: Case, event: str, who: str, why: str | None = None, **values: Any
) -> None:
    """Move the case, or refuse with the reason and what to do."""
    try:
        state, _ = step(case.state, event)
    except NotNow:
        raise Refused(_advice(case.state, event)) from None
    cases.update_case(connection, case.id, state=state, **values)
    to_value = f"{state} {values['outcome']}" if "outcome" in values else state
    entry = audit.Entry(
        case.organisation_id,
        who,
        f"case_{state}",
        f"case:{case.id.hex()}",
        case.state,
        to_value,
        why,
    )
    audit.append_now(connection, [entry])


def _advice(state: str, event: str) -> str:
    if state == "closed":
        return "the case is closed already"
    if event == CLOSE:
        return "the case rings: a new alarm came that nobody has taken; take it first"
    return "somebody has taken the case already"
