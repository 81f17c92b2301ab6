# SPDX-License-Identifier: Apache-2.0
# How near help is: the last verified answer to each open SOS, and what the wearer is told.
#
# An answer only moves its report forward; repeated, late and overtaken answers change nothing. The
# furthest of all open reports counts. After a restart the gateway tells again what no heartbeat
# has echoed, so an answer to an alarm of an earlier boot is taken up although this boot knows
# nothing of it.

from opaska_protocol.answers import ACCEPTED, CLOSED, STORED, TAKEN

from . import alarm

SENT = 0  # no answer yet; the other states are those of the wire, help coming nearer

STATES = (SENT, STORED, ACCEPTED, TAKEN, CLOSED)
ANSWERS = (STORED, ACCEPTED, TAKEN, CLOSED)


def step(state: int, answer: int) -> int:
    """The whole table in one rule: an answer moves its report forward, or changes nothing."""
    return max(state, answer)


WORKING = "working"
NOT_SENT = "not_sent"
_NEARER = ("stored", "accepted", "taken")

# The pattern of signals.py that the wearer is told: by the SOS on its way (decisions/alarm.py) and
# the furthest answer (SENT, STORED, ACCEPTED, TAKEN).
TOLD = {
    alarm.IDLE: (None,) + _NEARER,
    alarm.SENDING: (WORKING,) + _NEARER,
    alarm.RESUMED: (WORKING,) + _NEARER,
    # Help may know of an earlier press, but not of this one: no hope on credit.
    alarm.LATE: (NOT_SENT,) * 4,
    alarm.RESUMED_LATE: (NOT_SENT,) * 4,
}

_KEPT = 8  # reports remembered, so that a late answer to a closed one does not open it again


class OpenReports:
    """The SOS reports of the wearer's case with their last answers, newest first."""

    def __init__(self) -> None:
        # (boot, seq) of the latest announced fall, which the gateway may raise by itself
        self.announced: "tuple[int, int] | None" = None
        # [boot, seq, state, 1 once the echo of CLOSED arrived, 1 if an answer alone told us of it]
        self._rows: "list[list[int]]" = []

    def opened(self, boot: int, seq: int) -> None:
        """An SOS of this band is on its way."""
        self._follow([boot, seq, SENT, 0, 0])

    def answered(self, boot: int, seq: int, answer: int, own_boot: int) -> "tuple[int, int]":
        """(state before, state now) of the report; (SENT, SENT) when there is none to follow."""
        row = self._find(boot, seq)
        if row is None:
            # STORED says nothing about an alarm; of this boot every alarm is known.
            is_known = boot == own_boot and (boot, seq) != self.announced
            if is_known or answer == STORED:
                return SENT, SENT
            self._follow([boot, seq, SENT, 0, 1])
            row = self._find(boot, seq)
            if row is None:  # older than all that are kept
                return SENT, SENT
        before = row[2]
        row[2] = step(before, answer)
        return before, row[2]

    def unanswered(self, own_boot: int) -> bool:
        """Whether the wearer still waits: for the SOS of this boot, else for earlier ones."""
        own = [row for row in self._rows if row[0] == own_boot]
        return any([row[2] == SENT for row in own or self._rows])

    def opened_after(self, boot: int, seq: int) -> bool:
        """Whether that boot has made an alarm after this report."""
        return any([row[0] == boot and row[1] > seq for row in self._rows])

    def furthest(self, own_boot: int) -> int:
        """The furthest answer to a report that is not closed: of this boot, else of earlier ones.

        An answer to an earlier boot may be a recorded one: it gives no hope to a new SOS, nor to
        one that has waited since before the restart.
        """
        waiting = [row for row in self._rows if row[2] != CLOSED]
        own = [row for row in waiting if row[0] == own_boot]
        made = [row for row in waiting if not row[4]]
        return max([row[2] for row in own or made or waiting] or (SENT,))

    def newest_open(self) -> "tuple[int, int] | None":
        """(boot, seq) of the newest report that is not closed."""
        for row in self._rows:
            if row[2] != CLOSED:
                return row[0], row[1]
        return None

    def echo(self, most: int) -> "list[tuple[int, int, int]]":
        """(boot, seq, answer) for a heartbeat, newest first; closed ones until echoed."""
        rows = [row for row in self._rows if row[2] != SENT and not row[3]]
        return [(row[0], row[1], row[2]) for row in rows[:most]]

    def echoed(self, rows: "list[tuple[int, int, int]]") -> None:
        """The gateway has a heartbeat with these rows."""
        for boot, seq, state in rows:
            row = self._find(boot, seq)
            if row and state == CLOSED:
                row[3] = 1

    def _follow(self, row: "list[int]") -> None:
        self._rows.append(row)
        self._rows.sort(reverse=True)
        if len(self._rows) > _KEPT:
            self._rows.remove(self._least_needed())

    def _find(self, boot: int, seq: int) -> "list[int] | None":
        for row in self._rows:
            if row[0] == boot and row[1] == seq:
                return row
        return None

    def _least_needed(self) -> "list[int]":
        closed = [row for row in self._rows if row[2] == CLOSED]
        heard_of = [row for row in self._rows if row[4]]
        return (closed or heard_of or self._rows)[-1]
