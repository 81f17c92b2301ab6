# SPDX-License-Identifier: Apache-2.0
# What is said of the cell: that it is low, that it is critical, the last words. Each is said once
# in a discharge.
#
# A discharge only goes down: a level that looks better again, as by a forecast that was too dark,
# changes nothing. It ends on the charger, when ten percent have been gained or the cell is full;
# a minute on the charger does not end it. On the charger nothing is said. A gauge that cannot be
# believed is no state of the cell: nothing happens here until it can be believed again.

from .table import NoTransitionError

LOW_PERCENT = 20
LOW_MV = 3_550  # well below what 20 percent show: for percent that stand still
LOW_HOURS = 36  # by forecast: a day, and the half of one for what a forecast does not know
CRITICAL_PERCENT = 6
CRITICAL_MV = 3_480
CRITICAL_HOURS = 4
LAST_PERCENT = 1
LAST_MV = 3_400  # the modem works down to 3,300
GAINED_PERCENT = 10  # on the charger, since something was said
FULL_PERCENT = 98

# States, the first four in the order of a discharge: 0 ok, 1 low, 2 critical, 3 last words,
CHARGING = 4
FULL = 5

# What it looks like: off the charger the level 0..3, and
ON_CHARGER = 4  # with little gained yet
GAINED = 5
FILLED = 6

# The new state and whether it is said. Text takes nothing of the heap.
SAY = "!"
_TABLE = (
    # ok
    #    low
    #       critical
    #          last words
    #             on the charger
    #                gained
    #                   filled
    "0. 1! 2! 3! 4. 4. 5. "  # ok
    "1. 1. 2! 3! 1. 4. 5. "  # low
    "2. 2. 2. 3! 2. 4. 5. "  # critical
    "3. 3. 3. 3. 3. 4. 5. "  # last words
    "0. 1! 2! 3! 4. 4. 5. "  # charging
    "5. 1! 2! 3! 5. 5. 5. "  # full
)


def step(state: int, looks: int) -> "tuple[int, bool]":
    """The new state, and whether it is said."""
    if not (0 <= state <= FULL and 0 <= looks <= FILLED):
        raise NoTransitionError("%d + %d" % (state, looks))
    at = (state * 7 + looks) * 3
    return int(_TABLE[at]), _TABLE[at + 1] == SAY


def level(percent: int, millivolts: int, hours_left: "int | None") -> int:
    """How low it is, 0..3; `hours_left` by forecast, if there is one."""
    hours = LOW_HOURS + 1 if hours_left is None else hours_left
    if percent <= LAST_PERCENT or millivolts <= LAST_MV:
        return 3
    if percent <= CRITICAL_PERCENT or millivolts <= CRITICAL_MV or hours <= CRITICAL_HOURS:
        return 2
    return int(percent <= LOW_PERCENT or millivolts <= LOW_MV or hours <= LOW_HOURS)


def charged(percent: int, said_percent: int) -> int:
    """What it looks like on the charger; `said_percent`: when something was said last."""
    if percent >= FULL_PERCENT:
        return FILLED
    return GAINED if percent >= said_percent + GAINED_PERCENT else ON_CHARGER
