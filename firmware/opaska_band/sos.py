# SPDX-License-Identifier: Apache-2.0
# The wearer's alarms: does what decisions/alarm.py and decisions/help.py decide. It needs the
# reporter and nothing else; a sender or signals that fail are reported and do not stop it.

import asyncio

from micropython import const

from opaska_protocol import reports
from opaska_protocol.answers import CLOSED
from opaska_protocol.errors import ProtocolError

from .decisions import alarm
from .decisions.help import NOT_SENT, TOLD, WORKING, OpenReports
from .guard import attempt, failed, keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .faults import Faults
    from .reporter import Reporter

_TRY_AGAIN_MS = const(200)  # after a failure to make the report, for ever


class Sos:
    """`send_now` and `tell(pattern)` are called as decided; `fields` adds to an alarm report."""

    def __init__(
        self,
        reporter: "Reporter",
        send_now: "Callable[[], Any]",
        tell: "Callable[[str], Any]",
        fields: "Callable[[], dict[str, Any]]",
        faults: "Faults",
    ) -> None:
        self.reports = OpenReports()
        self.state = alarm.IDLE  # where the alarm is (decisions/alarm.py)
        self._kind = 0  # of the latest alarm of this boot; 0: none yet
        self._reporter = reporter
        self._send_now = send_now
        self._tell = tell
        self._fields = fields
        self._faults = faults
        self._timer: "Any" = None
        self._again: "Any" = None

    def press(self, trigger: int, of_seq: "int | None" = None) -> None:
        """The wearer raises an SOS; `of_seq`: and so ends the fall that this report announced."""
        fields = {"kind": reports.SOS, "trigger": trigger}
        is_another = self._kind not in (0, reports.SOS)
        if of_seq is not None:
            fields["of_seq"] = of_seq
            is_another = True
        self._raise(alarm.ANOTHER if is_another else alarm.PRESS, fields)

    def fall(self, fields: "dict[str, Any]") -> None:
        """An announced fall is raised."""
        self.sensed(reports.FALL, fields)

    def sensed(self, kind: int, fields: "dict[str, Any]") -> None:
        """An alarm that nobody has pressed."""
        fields["kind"] = kind
        fields["trigger"] = reports.SENSOR
        self._raise(alarm.ANOTHER, fields)

    @property
    def is_on_its_way(self) -> bool:
        """Whether an alarm has no answer yet."""
        return self.state != alarm.IDLE

    def resume(self, waiting: "list[tuple[int, int]]") -> None:
        """SOS reports (boot, seq) of an earlier boot that wait in the outbox."""
        for boot, seq in waiting:
            self.reports.opened(boot, seq)
        if waiting:
            self._happen(alarm.RESUME)

    def answered(self, boot: int, seq: int, answer: int) -> None:
        """A verified answer of the gateway to any report."""
        before, now = self.reports.answered(boot, seq, answer, self._reporter.boot)
        if before == now:
            return
        if self.state != alarm.IDLE and not self.reports.unanswered(self._reporter.boot):
            self._happen(alarm.ANSWER)
        told = self._told()
        if told is None:
            self._say("closed")
        elif now != CLOSED and told not in (WORKING, NOT_SENT):
            self._say(told)

    def _raise(self, event: str, fields: "dict[str, Any]") -> None:
        """A report that fails is tried again until it is made."""
        try:
            self._happen(event, fields)
        except Exception as error:
            failed("sos", error, self._faults)
            self._again = asyncio.create_task(self._raise_again(event, fields))

    def _happen(self, event: str, fields: "dict[str, Any] | None" = None) -> None:
        """The report first: until it is kept nothing has happened and the alarm is repeated."""
        state, effects = alarm.step(self.state, event)
        if alarm.REPORT in effects:
            self._report(fields or {})
        self.state = state
        for effect in effects:
            if effect == alarm.SEND:
                attempt("send", self._send_now, self._faults)
            elif effect == alarm.TELL:
                self._say(self._told())
            elif effect == alarm.TIMER or effect == alarm.STOP:
                self._set_timer(effect == alarm.TIMER)

    def _report(self, more: "dict[str, Any]") -> None:
        fields = attempt("sos fields", self._fields, self._faults, {})
        fields.update(more)
        try:
            seq = self._reporter.report(reports.ALARM, fields)
        except ProtocolError as error:  # nonsense from a part that an alarm can do without
            failed("sos fields", error, self._faults)
            seq = self._reporter.report(reports.ALARM, more)
        self._kind = more["kind"]
        if seq is not None:  # the outbox never refuses an alarm
            self.reports.opened(self._reporter.boot, seq)

    def _told(self) -> "str | None":
        return TOLD[self.state][self.reports.furthest(self._reporter.boot)]

    def _say(self, name: "str | None") -> None:
        if name:
            attempt("signals", lambda: self._tell(name), self._faults)

    def _set_timer(self, on: bool) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None
        if on:
            self._timer = asyncio.create_task(keep("not sent", self._wait, self._faults))

    async def _wait(self) -> None:
        await asyncio.sleep_ms(alarm.NOT_SENT_AFTER_MS)
        self._timer = None
        self._happen(alarm.DEADLINE)

    async def _raise_again(self, event: str, fields: "dict[str, Any]") -> None:
        await asyncio.sleep_ms(_TRY_AGAIN_MS)
        self._raise(event, fields)
