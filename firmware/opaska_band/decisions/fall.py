# SPDX-License-Identifier: Apache-2.0
# One fall that was felt: announced to the gateway at once, then cancelled or raised.
#
# The wearer has 20 s, in which vibration and beeps grow. These are the ways out:
#   - nobody does anything until the deadline: raised;
#   - the button is pressed and let go before 5 s: an SOS, at once, since a press means help;
#   - it is held for 5 s, which is felt as confirmed, and then let go: cancelled by hand;
#   - it is still down after 10 s, as under a body: raised;
#   - the wearer walks on while the button is up: cancelled. Lying still is no reason to cancel;
#   - an SOS is raised in another way, as by a wearer whose hand may not cancel: that ends it;
#   - the band restarts or breaks: the gateway raises it at the deadline, and the band when it is
#     back.
# What was cancelled is watched for a while: 60 s without a movement raise it all the same. Another
# fall in the countdown changes nothing; after a cancel it is a new one. The deadline does not wait
# for a finger that is down, only for one whose hold has been confirmed.

from opaska_protocol import reports

from . import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .table import Entry

COUNTDOWN_MS = reports.COUNTDOWN_S * 1000  # from the announcement to the deadline
BEATS_MS = 2_000  # between two pulses: slower than any step, so that they never look like walking
PULSES = ("countdown", "countdown_2", "countdown_3", "countdown_4")  # from soft to strong
WALKED_S = 5  # of walking on, which senses/stillness.py calls so after four seconds of it
STILL_S = 60  # after a cancel: nobody is up again
WATCHED_S = 90  # for so long the stillness may end: it follows the cancel, and is not a rest later
UNMOVED_S = 10  # before a fall is raised: marked as one after which nobody moves

# Where the fall is.
IDLE = "idle"  # there is none
COUNTING = "counting"  # announced, the button is up
PRESSED = "pressed"  # the button is down, not yet for 5 s
CONFIRMED = "confirmed"  # down for 5 s and felt: letting it go cancels
CANCELLED = "cancelled"  # and watched

# What happens.
FALL = "fall"  # the sense feels one
DEADLINE = "deadline"  # the 20 s are over
PRESS = "press"  # the button goes down
SHORT = "short"  # let go before 5 s
HELD_5S = "held_5s"
LET_GO = "let_go"  # between 5 and 10 s
HELD_10S = "held_10s"
WALKING = "walking"
SOS = "sos"  # raised in another way, and it names the announcement
STILL = "still"  # for 60 s after the cancel
WATCH_OVER = "watch_over"
RESTART = "restart"  # the band was restarted in a countdown

# What to do, in this order.
ANNOUNCE = "announce"  # tell the gateway, before anything is felt
COUNT = "count"  # begin the countdown; presses now belong to it
FEEL = "feel"  # the vibration that grows for 5 s
CONFIRM = "confirm"  # let the hold be felt
CALL = "call"  # raise an SOS that names the announcement
RAISE = "raise"  # raise the fall
CANCEL = "cancel"  # tell the gateway, and the wearer
STOP = "stop"  # no countdown any more; presses are SOSes again
WATCH = "watch"  # look for stillness

TABLE = """
idle fall -> counting: announce count
idle restart -> idle: raise stop
counting fall -> counting:
counting deadline -> idle: raise stop
counting press -> pressed: feel
counting walking -> cancelled: cancel stop watch
counting sos -> idle: stop
pressed fall -> pressed:
pressed deadline -> idle: raise stop
pressed short -> idle: call stop
pressed held_5s -> confirmed: confirm
pressed sos -> idle: stop
confirmed fall -> confirmed:
confirmed deadline -> confirmed:
confirmed let_go -> cancelled: cancel stop watch
confirmed held_10s -> idle: raise stop
confirmed sos -> idle: stop
cancelled fall -> counting: announce count
cancelled still -> idle: raise stop
cancelled watch_over -> idle:
"""

# Why it was raised or cancelled, as the gateway is told.
WHY = {
    DEADLINE: reports.DEADLINE,
    HELD_10S: reports.HELD_ON,
    STILL: reports.STILL_AFTER_CANCEL,
    RESTART: reports.RESTARTED,
}
REASON = {LET_GO: reports.BY_HAND, WALKING: reports.WALKED_ON}


def step(state: str, event: str) -> "Entry":
    """The new state and what to do, in order."""
    return table.step(TABLE, state, event)
