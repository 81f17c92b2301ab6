# SPDX-License-Identifier: Apache-2.0
"""Who wore a band at a time: assignments are half-open intervals in ms UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

CONSOLE: Final = "console"  # our dispatchers take and close
EXTERNAL: Final = "external"  # the receiver's ACCEPTED is the last state on the wrist


@dataclass(frozen=True, slots=True)
class Assignment:
    """A band on a person's wrist, under an agreement, from `from_ms` until before `to_ms`."""

    id: bytes
    organisation_id: bytes
    person_id: bytes
    handling: str  # CONSOLE or EXTERNAL
    from_ms: int
    to_ms: int | None  # None = still


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose an alarm is: the band's that raised it, and of who wore it then."""

    device_id: bytes
    organisation_id: bytes
    worn: Assignment | None  # None = nobody wore it

    @property
    def person_id(self) -> bytes | None:
        return self.worn.person_id if self.worn else None

    @property
    def assignment_id(self) -> bytes | None:
        return self.worn.id if self.worn else None

    @property
    def handling(self) -> str:
        return self.worn.handling if self.worn else CONSOLE


def worn_at(assignments: Sequence[Assignment], at_ms: int) -> Assignment | None:
    """The assignment that was valid then: a late report belongs to who wore the band."""
    for one in assignments:
        if one.from_ms <= at_ms and (one.to_ms is None or at_ms < one.to_ms):
            return one
    return None


def worn_despite_clock(assignments: Sequence[Assignment], now_ms: int) -> Assignment | None:
    """The assignment that holds and yet begins later than now: our clock has been set back since,
    or has not found the time yet after a start."""
    for one in assignments:
        if one.to_ms is None and one.from_ms > now_ms:
            return one
    return None
