# SPDX-License-Identifier: Apache-2.0
# An alarm on its way out: from the press, or the fall, until the gateway's verified answer.
#
# A press makes a report. While it is on its way further presses make no second one: they send it
# again at once and replay what the wearer was told. An alarm of another kind always makes its own
# report. After 60 s without an answer the wearer is told "not sent"; sending goes on for ever. A
# report found waiting after a restart is taken up again; a press then makes a report of its own,
# because the old one may be days old. There is no event "cancel": only a human closes an alarm.

from . import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .table import Entry

NOT_SENT_AFTER_MS = 60_000  # promise 8: from the press to "not sent"

# Where the alarm is.
IDLE = "idle"  # nothing on its way
SENDING = "sending"  # pressed, no answer yet
LATE = "late"  # pressed more than 60 s ago, no answer yet
RESUMED = "resumed"  # made before the restart, no answer yet
RESUMED_LATE = "resumed_late"  # and none for 60 s since the restart

# What happens.
PRESS = "press"  # an SOS is raised: held, three presses, or held at power-up
ANOTHER = "another"  # an alarm that is not the one on its way: a fall, or an SOS after a fall
RESUME = "resume"  # after a restart an alarm waits in the outbox
ANSWER = "answer"  # the gateway has what the wearer waits for (help.py, `unanswered`)
DEADLINE = "deadline"  # 60 s are over

# What to do, in this order.
REPORT = "report"  # seal and keep a new report
SEND = "send"  # send what waits, now
TIMER = "timer"  # deadline in NOT_SENT_AFTER_MS
STOP = "stop"  # no deadline any more
TELL = "tell"  # let the wearer feel the state; what an answer says is help.py's to tell

# Another alarm leaves the first one's minute as it is. After `resume` in "sending" the press came
# first, as when the button is held at power-up.
TABLE = """
idle press -> sending: report send timer tell
idle another -> sending: report send timer tell
idle resume -> resumed: send timer tell
sending press -> sending: send tell
sending another -> sending: report send tell
sending resume -> sending:
sending deadline -> late: tell
sending answer -> idle: stop
late press -> late: send tell
late another -> late: report send tell
late answer -> idle:
resumed press -> sending: report send timer tell
resumed another -> sending: report send timer tell
resumed deadline -> resumed_late: tell
resumed answer -> idle: stop
resumed_late press -> sending: report send timer tell
resumed_late another -> sending: report send timer tell
resumed_late answer -> idle:
"""


def step(state: str, event: str) -> "Entry":
    """The new state and what to do, in order."""
    return table.step(TABLE, state, event)
