# SPDX-License-Identifier: Apache-2.0
"""The life of a case, from the first alarm until a human closes it.

A case belongs to one person (or to a band that nobody is assigned to). Whatever happens while it
is open joins it. The rules, which follow from promise 4 (never hide a stronger alarm):

- the first alarm opens the case ringing;
- another alarm makes it ring again until the centre has that one too; in a taken case one of a
  kind that it already holds is only shown, a new kind rings again, even after someone took it;
- a case that rings cannot be closed: whoever wants to close it has not seen the newest alarm;
- a closed case stays closed; what comes later opens a new one, linked to it.

Under an agreement with handling "external" FORWARDED is as far as the wrist is told, and the
receiver's outcome closes the case. It is taken here only while the receiver lacks an alarm of it,
by somebody who says why: nobody else would look after it.

What still waits for the centre when a case is closed: a named dispatcher who took the case and
closed it has dealt with every alarm in it, so nothing more is sent (DROP); an alarm that reached
the centre hours later would send help to a door that was opened long ago. No other end drops
anything, so an external case that nobody took over here never loses an alarm.
"""

from __future__ import annotations

from typing import Final

# states, stored as they are written here
RINGING: Final = "ringing"  # an alarm that neither a dispatcher nor the centre has
FORWARDED: Final = "forwarded"  # the centre's receiver has every alarm in it
TAKEN: Final = "taken"  # a named dispatcher has it
CLOSED: Final = "closed"  # with an outcome; the end

# events
NEW_ALARM: Final = "new_alarm"  # an alarm of a kind that the case did not hold
SAME_ALARM: Final = "same_alarm"  # another one of a kind that it holds
DELIVERED: Final = "delivered"  # the centre said yes to the last alarm that it lacked
TAKE: Final = "take"  # a dispatcher takes it
CLOSE: Final = "close"  # a dispatcher, or the external receiver, names the outcome

# effects, carried out by the caller
RING: Final = "ring"  # screens and sounds, from the beginning
SHOW: Final = "show"  # visible, without a new sound
TELL_TAKEN: Final = "tell_taken"  # to the wrists of all its reports
TELL_CLOSED: Final = "tell_closed"
DROP: Final = "drop"  # what still waits for the centre is not sent any more

OUTCOMES: Final = (
    "helped",  # Zakończone: udzielono pomocy
    "not_needed",  # Zakończone: nie wymaga pomocy
    "not_helped",  # Zakończone: nie udzielono pomocy
)  # how a case may end, see FACTS of the request workflow

# whether somebody fell, which no outcome says: a neighbour may help one who only stumbled
FELL: Final = ("yes", "no", "unknown")

TRANSITIONS: Final[dict[tuple[str, str], tuple[str, tuple[str, ...]]]] = {
    (RINGING, NEW_ALARM): (RINGING, (RING,)),
    (RINGING, SAME_ALARM): (RINGING, (RING,)),
    (RINGING, DELIVERED): (FORWARDED, (SHOW,)),
    (RINGING, TAKE): (TAKEN, (SHOW, TELL_TAKEN)),
    (FORWARDED, NEW_ALARM): (RINGING, (RING,)),
    (FORWARDED, SAME_ALARM): (RINGING, (RING,)),
    (FORWARDED, DELIVERED): (FORWARDED, (SHOW,)),
    (FORWARDED, TAKE): (TAKEN, (SHOW, TELL_TAKEN)),
    (FORWARDED, CLOSE): (CLOSED, (SHOW, TELL_CLOSED)),
    (TAKEN, NEW_ALARM): (RINGING, (RING,)),
    (TAKEN, SAME_ALARM): (TAKEN, (SHOW,)),
    (TAKEN, DELIVERED): (TAKEN, (SHOW,)),
    (TAKEN, CLOSE): (CLOSED, (SHOW, TELL_CLOSED, DROP)),
    (CLOSED, DELIVERED): (CLOSED, ()),  # the centre's answer came after the human's
}


class NotNow(Exception):
    """This cannot be done to a case in this state; nothing was changed."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"{event} is not possible while the case is {state}")
        self.state = state
        self.event = event


def step(state: str, event: str) -> tuple[str, tuple[str, ...]]:
    """(new state, effects), or NotNow."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise NotNow(state, event) from None
