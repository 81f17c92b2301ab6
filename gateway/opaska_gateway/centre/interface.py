# SPDX-License-Identifier: Apache-2.0
"""What goes to a monitoring centre, and what comes back. Every way out speaks these types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Outcome = Literal["accepted", "accepted_plain", "unverified", "refused", "unreachable", "unwanted"]
# accepted        the receiver said yes and proved who it is: the wrist may be told
# accepted_plain  it said yes over an unprotected path: forwarded, but the wrist is not told
# unverified      somebody said yes without the proof that was asked for: not forwarded
# refused         it answered, and the answer was no, or could not be used
# unreachable     no answer
# unwanted        a trouble that the receiver's profile has no code for: nothing was sent

OUTCOMES: tuple[Outcome, ...] = (
    "accepted",
    "accepted_plain",
    "unverified",
    "refused",
    "unreachable",
    "unwanted",
)  # from best to worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One event of one person, as the centre should hear it."""

    account: str  # the number under which the centre knows this person: 3-16 hex digits
    kind: str  # a row of the profile ("sos", "fall", ...); any other word is sent as "other"
    number: int  # of the event: the same at every attempt, so that receivers know a repeat
    occurred_ms: int  # UTC since 1970
    trouble: bool = False  # no alarm: only for receivers whose profile has a row for its kind
    restore: bool = False  # the end of such an event, not a new one
    late: bool = False  # it waited somewhere, or is repeated: occurred_ms is sent along
    zone: int = 0  # 0 = the profile's zone for this kind; some kinds differ by their zone only
    position: tuple[float, float] | None = None  # latitude, longitude in degrees
    text: str | None = None  # for the dispatcher's screen


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a signal. `detail` is a sentence for the operator."""

    outcome: Outcome
    receiver: str  # the name of the one that decided, "" if there was none
    detail: str

    @property
    def arrived(self) -> bool:
        """Whether a receiver took it, so that it need not be sent again."""
        return self.outcome in ("accepted", "accepted_plain")


@dataclass(frozen=True, slots=True)
class PathHealth:
    """How one receiver is doing."""

    name: str
    state: Literal["unknown", "up", "refusing", "down"]
    # unknown   nothing was sent yet
    # up        the last answer was a yes
    # refusing  it answers, but not with a yes
    # down      the last attempt brought no usable answer
    for_s: float  # it has been in that state for so long
    notice: str  # what an operator should look at last; "" if there was nothing
    noticed_s: float  # how long ago that was seen last
    clock_offset_ms: int  # what its last NAK taught: its clock minus ours


class Path(Protocol):
    """One receiver behind its own way."""

    @property
    def name(self) -> str: ...
    @property
    def avoided(self) -> bool:
        """True while it is known not to answer: others are tried first."""
        ...

    @property
    def supervision_s(self) -> float | None:
        """How often its line is tested; None = never."""
        ...

    @property
    def quiet_s(self) -> float:
        """How long ago it last accepted a frame of its supervision account."""
        ...

    async def send(self, signal: Signal) -> Delivery:
        """Try for a bounded time."""
        ...

    async def test(self) -> Delivery:
        """Test the line, once."""
        ...

    def health(self) -> PathHealth: ...
    async def close(self) -> None: ...
