# SPDX-License-Identifier: Apache-2.0
"""A human's hand on a case: take it, close it. Each change has its line in the audit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from opaska_gateway import clock
from opaska_gateway.care.case import (
    CLOSE,
    DROP,
    FELL,
    FORWARDED,
    OUTCOMES,
    RINGING,
    TAKE,
    TELL_CLOSED,
    TELL_TAKEN,
    NotNow,
    step,
)
from opaska_gateway.care.wearing import CONSOLE
from opaska_gateway.database import audit, cases, outbox
from opaska_gateway.errors import NotFound, Refused
from opaska_protocol import answers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.context import Context
    from opaska_gateway.database.cases import Case, Told

ANSWERS = {TELL_TAKEN: answers.TAKEN, TELL_CLOSED: answers.CLOSED}  # by effect


async def take(context: Context, case_id: bytes, who: str, why: str | None = None) -> None:
    """A dispatcher takes a case; the wrist is told. `why` is for one that is not handled here."""
    told = await context.database.transact(partial(_take, case_id, who, why))
    await context.resender.tell(told)


async def close(
    context: Context,
    case_id: bytes,
    who: str,
    outcome: str,
    why: str | None = None,
    fell: str | None = None,
) -> None:
    """A case ends with one of `care.case.OUTCOMES`; the wrist is told.

    `fell` is one of `care.case.FELL`: what the motion in it is then labelled with.
    """
    if outcome not in OUTCOMES:
        raise Refused(f"{outcome} is no outcome; write {', '.join(OUTCOMES)}")
    if fell is not None and fell not in FELL:
        raise Refused(f"{fell} does not say whether somebody fell; write {', '.join(FELL)}")
    told = await context.database.transact(partial(_close, case_id, who, outcome, why, fell))
    await context.resender.tell(told)


def _take(case_id: bytes, who: str, why: str | None, connection: Connection) -> list[Told]:
    case = _case(connection, case_id)
    if case.handling != CONSOLE:
        _check_abandoned(case, why)
    effects = _step(connection, case, TAKE, who, why=why, taken_ms=clock.now_ms(), taken_by=who)
    return _told(connection, case, effects)


def _close(
    case_id: bytes,
    who: str,
    outcome: str,
    why: str | None,
    fell: str | None,
    connection: Connection,
) -> list[Told]:
    now_ms = clock.now_ms()
    case = _case(connection, case_id)
    ending = {"closed_ms": now_ms, "closed_by": who, "outcome": outcome}
    effects = _step(connection, case, CLOSE, who, why=why, fell=fell, **ending)
    if fell is not None:
        cases.label(connection, case, fell, who, now_ms)
    if DROP in effects:
        outbox.drop_of_case(connection, case_id, now_ms)
    return _told(connection, case, effects)


def _check_abandoned(case: Case, why: str | None) -> None:
    """Of an external case only what its receiver does not have may be taken here."""
    if case.state == FORWARDED:
        raise Refused(
            "this case is handled by the receiver, as its agreement says, and it is there; "
            "close it with the outcome that it tells"
        )
    if case.state == RINGING and not (why or "").strip():
        raise Refused(
            "this case is handled by the receiver, as its agreement says, but not there yet; "
            "if it does not arrive, take it and say why, such as --why 'receiver unreachable'"
        )


def _case(connection: Connection, case_id: bytes) -> Case:
    case = cases.find_case(connection, case_id)
    if case is None:
        raise NotFound(f"there is no case {case_id.hex()}; `opaska cases list` shows them")
    return case


def _step(
    connection: Connection,
    case: Case,
    event: str,
    who: str,
    *,
    why: str | None = None,
    fell: str | None = None,
    **values: Any,
) -> tuple[str, ...]:
    """Move the case and return the effects, or refuse with the reason and what to do."""
    try:
        state, effects = step(case.state, event)
    except NotNow:
        raise Refused(_advice(case.state, event)) from None
    cases.update_case(connection, case.id, state=state, **values)
    to_value = f"{state} {values['outcome']}" if "outcome" in values else state
    if fell is not None:
        to_value += f", fell {fell}"
    subject = f"case:{case.id.hex()}"
    entry = audit.Entry(
        case.organisation_id, who, f"case_{state}", subject, case.state, to_value, why
    )
    audit.append_now(connection, [entry])
    return effects


def _told(connection: Connection, case: Case, effects: tuple[str, ...]) -> list[Told]:
    """What the wrists of the case's alarms should hear."""
    states = [ANSWERS[effect] for effect in effects if effect in ANSWERS]
    return [
        told
        for state in states
        for told in cases.advance_answers(connection, state, case_id=case.id)
    ]


def _advice(state: str, event: str) -> str:
    if state == "closed":
        return "the case is closed already"
    if event == CLOSE:
        return "the case rings: a new alarm came that nobody has taken; take it first"
    return "somebody has taken the case already"
