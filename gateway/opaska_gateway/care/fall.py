# SPDX-License-Identifier: Apache-2.0
"""The life of a fall that a band has announced, until somebody says what became of it.

A band that feels a fall announces it at once, before the wearer is asked. From then on every way
out is one of these:

- the band says that it is no fall (CANCEL): kept and listed, it rings nowhere;
- the band raises it, or an SOS in its place (ALARM): that alarm rings by itself;
- the band says nothing until the deadline (DEADLINE): it may be broken, or its radio under the
  wearer, so the gateway raises the fall;
- the wearer cancels and then lies still: an ALARM after a CANCEL raises it all the same.

A report may overtake another, so an end may come before its announcement, and counts when that
comes. What has been raised stays raised: a cancel that comes later is noted, a human closes it.
"""

from __future__ import annotations

from typing import Final

from opaska_protocol import reports

# states, stored as they are written here
UNHEARD: Final = "unheard"  # nothing has come of it; has no row
ANNOUNCED: Final = "announced"  # its deadline runs
CANCELLED: Final = "cancelled"  # no fall, says the wearer, or walking on
RAISED: Final = "raised"  # an alarm, by the band or by the gateway

# events
ANNOUNCE: Final = "announce"
CANCEL: Final = "cancel"
ALARM: Final = "alarm"  # of any kind, that names the announcement which it ends
DEADLINE: Final = "deadline"  # passed, by the gateway's clock

# effects, carried out by the caller
WAIT: Final = "wait"  # for the deadline
RAISE: Final = "raise"  # open or ring a case, tell the centre

TRANSITIONS: Final[dict[tuple[str, str], tuple[str, tuple[str, ...]]]] = {
    (UNHEARD, ANNOUNCE): (ANNOUNCED, (WAIT,)),
    (UNHEARD, CANCEL): (CANCELLED, ()),
    (UNHEARD, ALARM): (RAISED, ()),
    (ANNOUNCED, CANCEL): (CANCELLED, ()),
    (ANNOUNCED, ALARM): (RAISED, ()),
    (ANNOUNCED, DEADLINE): (RAISED, (RAISE,)),
    (CANCELLED, ANNOUNCE): (CANCELLED, ()),
    (CANCELLED, CANCEL): (CANCELLED, ()),
    (CANCELLED, ALARM): (RAISED, ()),
    (RAISED, ANNOUNCE): (RAISED, ()),
    (RAISED, CANCEL): (RAISED, ()),
    (RAISED, ALARM): (RAISED, ()),
}

# A cancel, or the band's own alarm, may come so late: a confirmed hold ends five seconds after
# the deadline at the latest (decisions/fall.py of the band), and its report needs its way.
GRACE_MS: Final = 6_000

BY_GATEWAY: Final = "gateway"  # settled by the deadline alone
CANCEL_WORDS: Final = {reports.BY_HAND: "by_hand", reports.WALKED_ON: "walked_on"}
ALARM_WORDS: Final = {
    reports.DEADLINE: "deadline",
    reports.HELD_ON: "held_on",
    reports.STILL_AFTER_CANCEL: "still_after_cancel",
    reports.RESTARTED: "restarted",
}


def step(state: str, event: str) -> tuple[str, tuple[str, ...]]:
    """(new state, effects); KeyError for what cannot be, such as the deadline of a settled one."""
    return TRANSITIONS[state, event]


def due_ms(received_ms: int, happened_ms: int | None, deadline_s: int) -> int:
    """When the gateway raises a fall; `happened_ms` is when it happened at the latest, if known.

    A late announcement is not given its deadline again, but always the same few seconds.
    """
    if happened_ms is None:
        happened_ms = received_ms
    return max(min(happened_ms, received_ms) + deadline_s * 1000, received_ms) + GRACE_MS


def ahead_ms(now_ms: int) -> int:
    """What was announced later than this was so by a clock that has been set back since.

    Its wait is over: nobody waits longer for that.
    """
    return now_ms + GRACE_MS


def cancel_word(reason: int | None) -> str:
    """Who says that it was no fall."""
    return CANCEL_WORDS.get(reason or 0, "cancelled")


def alarm_word(alarm_kind: int | None, why: int | None) -> str:
    """Why the band raised it."""
    return "sos" if alarm_kind == reports.SOS else ALARM_WORDS.get(why or 0, "alarm")
