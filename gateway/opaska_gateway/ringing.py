# SPDX-License-Identifier: Apache-2.0
"""An alarm opens a case or rings the open one, whoever raises it: a band, or a duty of the clock.

Lives in the thread of the database: called inside its transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opaska_gateway import clock
from opaska_gateway.care.case import NEW_ALARM, RING, SAME_ALARM, TAKEN, step
from opaska_gateway.database.cases import Case, holds, open_case, update_case
from opaska_protocol import answers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.care.wearing import Whose

    Kind = tuple[int, int | None]  # report type, alarm kind


class Rung(NamedTuple):
    """What became of an alarm."""

    case: Case
    opened: bool  # the case is new
    answer_state: int  # what the wrist may hear of it


def ring(
    connection: Connection, whose: Whose, case: Case | None, kind: Kind, *, is_news: bool = False
) -> Rung:
    """Put an alarm of this kind into the open case of its wearer or band; None opens one.

    With `is_news` it rings also in a case that holds this kind and was taken.
    """
    now_ms = clock.now_ms()
    if case is None:
        case = open_case(connection, whose, now_ms)
        return Rung(case, True, answers.STORED)
    state, effects = step(case.state, NEW_ALARM)
    as_same = step(case.state, SAME_ALARM)
    # looked up only where it matters: a band that alarms without end fills its case
    if as_same != (state, effects) and not is_news and holds(connection, case.id, kind):
        state, effects = as_same
    if RING in effects:
        update_case(connection, case.id, state=state, rang_ms=now_ms)
    # whoever took the case has this one too
    reached = answers.TAKEN if state == TAKEN else answers.STORED
    return Rung(case._replace(state=state), False, reached)
