# SPDX-License-Identifier: Apache-2.0
"""One DC-09 receiver: asks, asks again a bounded number of times, and keeps its health.

A signal ends in one of these ways, all of them within `longest_s`:
  a yes                          accepted, accepted_plain
  NAK                            take over its clock and stamp anew, at most RESTAMPS times
  DUH                            never that code again: the profile's next code, then refused
  a yes without proof            unverified
  anything else, or silence      again, `retries` attempts in all
  no line becomes free           unreachable, nothing is sent: the next path may be free
  no frame can say it            refused, nothing is sent
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from opaska_gateway.centre.dc09 import MAX_SEQ, decode, encode
from opaska_gateway.centre.dc09_answer import OUTCOMES, Trust, Verdict, judge
from opaska_gateway.centre.dc09_link import Link
from opaska_gateway.centre.dc09_message import line_test, word
from opaska_gateway.centre.errors import BusyError, FrameError, PathError, SignalError
from opaska_gateway.centre.interface import Delivery, PathHealth
from opaska_gateway.centre.profiles import MAX_CODES
from opaska_gateway.centre.settings import PAUSE_S, RESTAMPS
from opaska_gateway.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_gateway.centre.dc09 import Frame
    from opaska_gateway.centre.dc09_message import Wording
    from opaska_gateway.centre.interface import Signal
    from opaska_gateway.centre.profiles import Profile
    from opaska_gateway.centre.settings import ReceiverSettings

AVOID_S = 60.0  # after silence others go first for this long, then this path is tried again
# After these a repeat on the same path would end the same way, or make things worse.
_FINAL = ("accepted", "accepted_plain", "unverified", "duh", "busy", "unsendable")
_AWAY = ("silent", "unusable")  # whoever answers so is no receiver just now
# Sequence numbers up to here belong to events, those above to line tests: an answer to the one is
# never one to the other. The numbers of two events meet again after 2,250 events.
EVENT_SEQS = MAX_CODES * 2_250
# A receiver whose clock battery died says 1970; a time further off would leave the calendar.
MAX_OFFSET_MS = 100 * 366 * 86_400_000


@dataclass(slots=True)
class _State:
    """What is known about the receiver; see PathHealth for the meaning of each."""

    changed_at_s: float  # loop time since which it is in its state
    state: Literal["unknown", "up", "refusing", "down"] = "unknown"
    clock_offset_ms: int = 0
    notice: str = ""
    noticed_at_s: float = 0.0  # loop time
    failed_at_s: float = float("-inf")  # loop time of the last silence
    heard_at_s: float = float("-inf")  # loop time of the last yes to the supervision account


class Dc09Path:
    """One receiver and the way to it. Any number of signals may be sent at the same time."""

    def __init__(
        self, settings: ReceiverSettings, profile: Profile, now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._profile = profile
        self._now_ms = now_ms
        self._key = settings.key_bytes
        self._link = Link(settings)
        self._log = get_logger().bind(receiver=settings.name)
        self._known = _State(asyncio.get_running_loop().time())
        # Of line tests. It starts anywhere: a recorded answer of before our start fits no test.
        self._tests = random.randrange(MAX_SEQ - EVENT_SEQS)  # noqa: S311 - not a secret

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def avoided(self) -> bool:
        silent_s = asyncio.get_running_loop().time() - self._known.failed_at_s
        return self._known.state == "down" and silent_s < AVOID_S

    @property
    def supervision_s(self) -> float | None:
        return None if self._settings.supervision == "off" else self._settings.supervision_s

    @property
    def quiet_s(self) -> float:
        return asyncio.get_running_loop().time() - self._known.heard_at_s

    async def send(self, signal: Signal) -> Delivery:
        """Send the signal, in the next code if the receiver does not know the first."""
        verdict = Verdict("silent", f"it took longer than {self._settings.longest_s:g} s")
        wordings = word(signal, self._settings, self._profile)
        if not wordings:
            return Delivery("unwanted", self.name, f"no code for {signal.kind} in its profile")
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.longest_s):
                for index, wording in enumerate(wordings):
                    seq = event_seq(signal.number, index)
                    verdict = await self._converse(wording, seq, self._settings.retries)
                    if verdict.meaning != "duh":
                        break
        return Delivery(OUTCOMES[verdict.meaning], self.name, verdict.detail)

    async def test(self) -> Delivery:
        """Test the line, once; a silent path is tried again by the next test."""
        self._tests = (self._tests + 1) % (MAX_SEQ - EVENT_SEQS)
        seq = EVENT_SEQS + 1 + self._tests
        verdict = await self._converse(line_test(self._settings, self._profile), seq, 1)
        return Delivery(OUTCOMES[verdict.meaning], self.name, verdict.detail)

    def health(self) -> PathHealth:
        known = self._known
        now_s = asyncio.get_running_loop().time()
        return PathHealth(
            name=self.name,
            state=known.state,
            for_s=now_s - known.changed_at_s,
            notice=known.notice,
            noticed_s=now_s - known.noticed_at_s,
            clock_offset_ms=known.clock_offset_ms,
        )

    async def close(self) -> None:
        await self._link.close()

    async def _converse(self, wording: Wording, seq: int, attempts: int) -> Verdict:
        """One frame until it is judged. Its sequence number stays: repeats can be recognised."""
        frame = replace(wording.frame, seq=seq)
        failures = restamps = 0
        while True:
            verdict = await self._attempt(frame, urgent=wording.urgent)
            self._learn(verdict, wording, frame)
            if verdict.meaning in _FINAL:
                return verdict
            if verdict.meaning == "nak":
                if restamps == RESTAMPS:
                    return verdict
                restamps += 1
                continue
            failures += 1
            if failures == attempts:
                return verdict
            await asyncio.sleep(PAUSE_S)

    async def _attempt(self, frame: Frame, *, urgent: bool) -> Verdict:
        """Ask once."""
        asked: list[Frame] = []

        def make_frame() -> bytes:
            asked.append(replace(frame, time_ms=self._now_ms() + self._known.clock_offset_ms))
            return encode(asked[-1], self._key)

        try:
            answer = decode(await self._link.exchange(make_frame, urgent=urgent), self._key)
        except BusyError as error:
            return Verdict("busy", str(error))
        except PathError as error:
            return Verdict("silent", str(error))
        except SignalError as error:
            return Verdict("unsendable", f"{error}; correct it in the assignment")
        except FrameError as error:
            return Verdict("unusable", f"its answer cannot be used: {error}")
        return judge(asked[-1], answer, self._trust())

    def _trust(self) -> Trust:
        return Trust(
            plain=self._settings.trusted,
            now_ms=self._now_ms(),
            offset_ms=self._known.clock_offset_ms,
            window_s=self._settings.ack_window_s,
            tolerance_s=self._settings.clock_tolerance_s,
        )

    def _learn(self, verdict: Verdict, wording: Wording, frame: Frame) -> None:
        """Keep what this answer says about the receiver."""
        known = self._known
        now_s = asyncio.get_running_loop().time()
        if verdict.meaning in ("accepted", "accepted_plain"):
            self._enter("up")
            if frame.account == self._settings.account:
                known.heard_at_s = now_s
            return
        self._notice(verdict, f"{wording.code}: {verdict.detail}")
        if verdict.meaning in ("busy", "unsendable"):
            return  # says nothing about the receiver
        if verdict.meaning in _AWAY:
            self._enter("down")
            known.failed_at_s = now_s
        else:
            self._enter("refusing")
        if verdict.receiver_time_ms is not None:
            offset_ms = verdict.receiver_time_ms - self._now_ms()
            known.clock_offset_ms = offset_ms if abs(offset_ms) < MAX_OFFSET_MS else 0

    def _enter(self, state: Literal["up", "refusing", "down"]) -> None:
        known = self._known
        if known.state == "down" and state != "down":
            self._log.info("centre_answers_again", after=known.notice)
        if known.state != state:
            known.state, known.changed_at_s = state, asyncio.get_running_loop().time()

    def _notice(self, verdict: Verdict, sentence: str) -> None:
        """Tell the operator; the same again and again is told once for each time it is away."""
        known = self._known
        is_news = verdict.meaning in _AWAY and known.state != "down"
        if sentence != known.notice or is_news:
            known.notice = sentence
            self._log.warning(f"centre_{verdict.meaning}", detail=sentence)
        known.noticed_at_s = asyncio.get_running_loop().time()


def event_seq(number: int, code_index: int) -> int:
    """The sequence number of an event in one of its codes: the same on every path, for ever.

    A code after a DUH has its own: a receiver may drop what it takes for a repeat.
    """
    return (number * MAX_CODES + code_index) % EVENT_SEQS + 1
