# SPDX-License-Identifier: Apache-2.0
# A carer's card at the band: how one touch goes, and whether it begins a visit or ends one.
#
# A touch: the card is found and read. Taken away and held there again within TOUCH_MS it counts as
# one tap more. When nothing has come for TOUCH_MS, the touch is over and is kept; another card
# does not wait for that, but MOST_OPEN are all that a touch takes. A card that goes away while it
# is read was not read.
#
# Which visits are open is a list of rows, the oldest first: [card, boot and seq of the report that
# began it, minute of that boot, minute since 1970 or 0]. At most MOST_OPEN; of more the oldest is
# forgotten. One open for LIMIT_MIN has forgotten its end: the next touch begins anew.

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TOUCH_MS = 3_000
MOST_OPEN = 4
MOST_TAPS = 9  # what a report can say
LIMIT_MIN = 16 * 60

# How a touch stands.
SEEKING = 0
HELD = 1
MISSED = 2  # not found once: a card that is held on may be missed
AWAY = 3
OVER = 4

# What happens.
CARD = 0  # the same one, or the first
OTHER = 1
NOTHING = 2
TORN = 3  # it went away while it was read
LATE = 4

# What to do.
WAIT = 0
READ = 1  # and TORN if that fails
COUNT = 2
KEEP = 3
KEEP_AND_READ = 4  # keep the touch of the first card, and read the other
REFUSE = 5

TRANSITIONS = {
    (SEEKING, CARD): (HELD, READ),
    (SEEKING, NOTHING): (SEEKING, WAIT),
    (SEEKING, LATE): (OVER, WAIT),
    (HELD, CARD): (HELD, WAIT),
    (HELD, OTHER): (HELD, KEEP_AND_READ),
    (HELD, NOTHING): (MISSED, WAIT),
    (HELD, TORN): (SEEKING, REFUSE),
    (HELD, LATE): (OVER, KEEP),
    (MISSED, CARD): (HELD, WAIT),
    (MISSED, OTHER): (HELD, KEEP_AND_READ),
    (MISSED, NOTHING): (AWAY, WAIT),
    (MISSED, LATE): (OVER, KEEP),
    (AWAY, CARD): (HELD, COUNT),
    (AWAY, OTHER): (HELD, KEEP_AND_READ),
    (AWAY, NOTHING): (AWAY, WAIT),
    (AWAY, LATE): (OVER, KEEP),
}


def step(state: int, event: int) -> "tuple[int, int]":
    """(new state, what to do); KeyError for what cannot be."""
    return TRANSITIONS[state, event]


def is_drawn(number: bytes) -> bool:
    """Whether it is another each time (ISO 14443-3): of a telephone, or a bank's card."""
    return len(number) == 4 and number[0] == 0x08


def begun(rows: "list[Any]", card: bytes, boot: int, minute: int, wall_min: int) -> "Any":
    """The row of the visit that this touch ends; None: it begins one."""
    for row in rows:
        if row[0] == card:
            return row if _age_min(row, boot, minute, wall_min) < LIMIT_MIN else None
    return None


def noted(rows: "list[Any]", card: bytes, new: "list[Any] | None") -> "list[Any]":
    """The rows after a touch: without the card's old one, with the new one if it has begun."""
    kept = [row for row in rows if row[0] != card]
    if new:
        kept.append(new)
    return kept[-MOST_OPEN:]


def is_kept(found: "Any") -> bool:
    """Whether this can be what was kept: generation, boot and seq of a test that is owed, rows."""
    if not isinstance(found, list) or len(found) != 4 or not _are_numbers(found[:3]):
        return False
    if not isinstance(found[3], list) or len(found[3]) > MOST_OPEN:
        return False
    for row in found[3]:
        if not isinstance(row, list) or len(row) != 5 or not isinstance(row[0], bytes):
            return False
        if not _are_numbers(row[1:]):
            return False
    return True


def _are_numbers(found: "list[Any]") -> bool:
    for number in found:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 32:
            return False
    return True


def _age_min(row: "list[Any]", boot: int, minute: int, wall_min: int) -> int:
    """How long it has been open, as far as is known: no less than since this boot began."""
    if row[1] == boot:
        return int(minute - row[3])
    return max(int(wall_min - row[4]) if row[4] and wall_min else 0, minute)
