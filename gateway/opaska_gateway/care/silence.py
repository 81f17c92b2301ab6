# SPDX-License-Identifier: Apache-2.0
"""The life of a silence: a band on a wrist that says nothing, until somebody knows why.

A word is any report that verifies and is new: a recorded one proves nothing, and that its link is
lost is said by the broker. Time runs by the gateway's clock, and stands still while nobody listens
(database/watched_bands.py). From the last word on:

- after one period, a little more, the band is missing: noted, so that the bands of one outage know
  of each other;
- after three periods, a little less, it is silent: a fault, told to the technician and by profile
  to the centre, unless an outage was told that it belongs to;
- a word ends it; so does an absence of the wearer, or nobody wearing the band any more;
- when an outage is over, a band that is still silent gets one more period to come back, and is
  then a fault of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# states, stored as they are written here
HEARD: Final = "heard"  # all is well; has no row
MISSING: Final = "missing"
SILENT: Final = "silent"  # a fault
RETURNED: Final = "returned"  # ended by a word
SUSPENDED: Final = "suspended"  # ended by an absence: nobody expects a word
RELEASED: Final = "released"  # nobody wears the band any more

# events
PERIOD: Final = "period"  # passed without a word
DEADLINE: Final = "deadline"  # three periods
WORD: Final = "word"
ABSENCE: Final = "absence"  # of its wearer began, or became known
UNWORN: Final = "unworn"  # unassigned, worn by somebody else, or revoked
OUTAGE_OVER: Final = "outage_over"  # that it belonged to

# effects, carried out by the caller
TELL: Final = "tell"  # the centre, unless it knows of the outage
TELL_END: Final = "tell_end"  # to whoever was told

TRANSITIONS: Final[Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]] = {
    (HEARD, PERIOD): (MISSING, ()),
    (MISSING, WORD): (RETURNED, ()),
    (MISSING, ABSENCE): (SUSPENDED, ()),
    (MISSING, UNWORN): (RELEASED, ()),
    (MISSING, DEADLINE): (SILENT, (TELL,)),
    (SILENT, WORD): (RETURNED, (TELL_END,)),
    (SILENT, ABSENCE): (SUSPENDED, (TELL_END,)),
    (SILENT, UNWORN): (RELEASED, (TELL_END,)),
    (SILENT, OUTAGE_OVER): (MISSING, ()),
}

PERIODS: Final = 3  # without a word are a fault: one lost heartbeat, or a lift, is none

_ON_ITS_WAY: Final = 20  # a twentieth of a period: a heartbeat as rare as that takes a moment
_TO_TELL: Final = 10  # a tenth: for finding and telling a fault


class Quiet(NamedTuple):
    """What is known of one silence and of its band now."""

    state: str
    since_ms: int  # the last word when it began
    last_word_ms: int | None  # now
    quiet_ms: int  # since the last word, without the time for which nobody listened
    period_ms: int
    worn: bool  # by the same person as when it began
    absent: bool  # that person, now


def step(state: str, event: str) -> tuple[str, tuple[str, ...]]:
    """(new state, effects); KeyError for what cannot be, such as the deadline of a silent one."""
    return TRANSITIONS[state, event]


def deadline_ms(period_ms: int) -> int:
    """After so long it is a fault."""
    return PERIODS * period_ms - period_ms // _TO_TELL


def moved_ms(word_ms: int, now_ms: int, paused_ms: int) -> int:
    """When a word came, after the clock stood still for so long, or was set by so much."""
    if paused_ms > 0 or word_ms > now_ms:
        word_ms += paused_ms
    return min(word_ms, now_ms)


def missing_ms(period_ms: Any) -> Any:
    """After so long it is missing; also of a column of the database."""
    return period_ms + period_ms // _ON_ITS_WAY


def next_event(quiet: Quiet) -> str | None:
    """What has happened to it; None: nothing."""
    if not quiet.worn:
        return UNWORN
    if quiet.last_word_ms is not None and quiet.last_word_ms != quiet.since_ms:
        return WORD
    if quiet.absent:
        return ABSENCE
    if quiet.state == MISSING and quiet.quiet_ms >= deadline_ms(quiet.period_ms):
        return DEADLINE
    return None
