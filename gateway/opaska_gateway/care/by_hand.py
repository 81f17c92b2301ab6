# SPDX-License-Identifier: Apache-2.0
"""A visit that somebody noted by hand, since no card was held to the band: it proves nothing, and
never counts as one that a card has proved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from opaska_gateway.care.visit import MINUTE_MS

if TYPE_CHECKING:
    from opaska_gateway.care.visit import Visit

STATE: Final = "by hand"  # in the place of a visit's state, and of its proof
TOLD_TWICE: Final = "by_hand_too"  # mark: this carer's card told of a visit then, too

LONGEST_MS: Final = 24 * 60 * MINUTE_MS  # a typing error makes no visit of a week


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Somebody says that there was no such visit."""

    sealed: bytes | None
    said_by: str
    said_ms: int


@dataclass(slots=True)
class ByHand:
    """As somebody says that it was."""

    number: int
    organisation_id: bytes
    person_id: bytes
    carer_id: bytes
    service: int
    from_ms: int
    to_ms: int
    away: int | None  # 1 = away from home; None = nobody says
    planned_id: bytes | None
    sealed: bytes | None  # who asked for it, and why; None = its wearer was erased
    said_by: str
    said_ms: int
    withdrawal: Withdrawal | None = None
    marks: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        """Never the number of a visit that was told by a card."""
        return f"h{self.number}"

    @property
    def wearer(self) -> bytes:
        return self.person_id

    @property
    def carer(self) -> bytes:
        return self.carer_id

    @property
    def minutes(self) -> int:
        return round((self.to_ms - self.from_ms) / MINUTE_MS)

    def is_same(self, other: Visit | ByHand) -> bool:
        """Whether it may be the same visit: this carer, this wearer, then."""
        if (other.wearer, other.carer) != (self.wearer, self.carer):
            return False
        first_ms, last_ms = sorted((other.from_ms, other.to_ms))
        return first_ms <= self.to_ms and self.from_ms <= last_ms
