# SPDX-License-Identifier: Apache-2.0
"""Which planned visit a touch begins, if any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

AROUND_MS: Final = 2 * 3_600_000  # so much earlier or later a carer may come


class Plan(NamedTuple):
    """A visit that somebody expects."""

    id: bytes
    carer_id: bytes | None  # None: whoever comes
    service: int
    minutes: int
    at_ms: int


def expected(
    plans: Iterable[Plan], carer_id: bytes, at_ms: int, *, is_own: bool = True
) -> Plan | None:
    """The one for this carer that is nearest; else the nearest of those for anybody of our own
    organisation: another's carer learns nothing of those."""
    whose = (None, carer_id) if is_own else (carer_id,)
    fitting = [
        plan for plan in plans if plan.carer_id in whose and abs(plan.at_ms - at_ms) <= AROUND_MS
    ]
    return min(
        fitting, key=lambda one: (one.carer_id is None, abs(one.at_ms - at_ms)), default=None
    )
