# SPDX-License-Identifier: Apache-2.0
"""Shares the hands of the outbox out: neither one case nor a backlog has all of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from opaska_gateway.database import outbox

if TYPE_CHECKING:
    from opaska_gateway.database.outbox import Waiting

OF_CASE: Final = 4  # claimed of one case at a time, and no more while it has as many hands
# Of the hands for a destination; the others are for new alarms. Claimed by four: 15 of 16 at most.
REPEATS: Final = {outbox.CENTRE: 12, outbox.TROUBLE: 1}


class Busy:
    """What hands are busy with, so that neither one case nor a backlog has all of them."""

    def __init__(self) -> None:
        self._of_case: Counter[bytes | None] = Counter()
        self._again: Counter[str] = Counter()  # by destination: with what failed before

    def copy(self) -> Busy:
        """As of now."""
        other = Busy()
        other._of_case, other._again = self._of_case.copy(), self._again.copy()
        return other

    def take(self, row: Waiting, by: int = 1) -> None:
        """A hand has this row from now on."""
        self._of_case[row.case_id] += by
        self._again[row.destination] += by if row.attempts > 1 else 0

    def let_go(self, row: Waiting) -> None:
        """It has it no more."""
        self.take(row, -1)
        if not self._of_case[row.case_id]:
            del self._of_case[row.case_id]

    def but(self, destination: str) -> outbox.But:
        """What no other hand is to take now."""
        crowded = [case for case, hands in self._of_case.items() if case and hands >= OF_CASE]
        if self._again[destination] >= REPEATS[destination]:
            return outbox.But(crowded, tried=0)
        return outbox.But(crowded)
