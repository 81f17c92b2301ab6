# SPDX-License-Identifier: Apache-2.0
# Whether the band is worn, and what to do when that changes.
#
# The sense (senses/wearing.py) says what it looks like once it is certain. These are the ways:
#   - off a wrist, or cut: an alarm at once, before anything else; then a report of the change;
#   - a cut after it was taken off rings again; a strap that was cut stays cut until the band is
#     worn, or on the charger;
#   - on the charger it is on no wrist, and that is no reason for an alarm;
#   - off the charger: five minutes to put it on, then the alarm;
#   - back on is only what is worn well: a band that is carried in a hand may look loose;
#   - worn or loose is told by heartbeats alone, since a hand goes through both all day;
#   - nobody has worn it since it got its identity: nothing rings.

from .table import NoTransitionError

LIFTED_MS = 300_000  # off the charger: time to find one's glasses, and put it on

# How it is worn: 1 worn, 2 loose, 3 taken off, 4 cut, 5 charging, as in a report, and
NEW = 0  # nobody has worn it yet
LIFTED = 6  # off the charger and not on yet; in a report it is taken off

# What happens: it looks like one of the five, or
LATE = 6  # LIFTED_MS have passed since it was lifted

# The new state and what to do. It is text because text takes nothing of the heap.
NOTHING = "."
REPORT = "r"  # the change
RAISE = "!"  # the alarm of the strap, then report the change

_CELL = 3  # letters of a cell
_ROW = 6 * _CELL
_TABLE = (
    # worn
    #    loose
    #       taken off
    #          cut
    #             charging
    #                late     looks
    "1r 0. 0. 0. 0.    "  # NEW
    "1. 2. 3! 4! 5r    "  # worn
    "1. 2. 3! 4! 5r    "  # loose
    "1r 3. 3. 4! 5r    "  # taken off
    "1r 4. 4. 4. 5r    "  # cut
    "1r 6r 6r 4! 5.    "  # charging
    "1r 6. 6. 4! 5r 3! "  # LIFTED
)


def step(state: int, event: int) -> "tuple[int, str]":
    """The new state and what to do."""
    at = state * _ROW + (event - 1) * _CELL
    if not (NEW <= state <= LIFTED and 1 <= event <= LATE) or _TABLE[at] == " ":
        raise NoTransitionError("%d + %d" % (state, event))
    return int(_TABLE[at]), _TABLE[at + 1]
