# SPDX-License-Identifier: Apache-2.0
"""Hands what waits in the outbox to the monitoring centre, until its receiver has it.

Rows are claimed by lease, so that a row is in one hand at a time. An attempt that fails is
repeated with growing pauses: an alarm's for ever, while its case stays open and visible; a fault's
for a day. Faults have a hand of their own: an alarm never waits for one. One case has a few hands
at most: a band that raises alarms without end delays no other's.

At least once: who is killed between the centre's yes and its record sends that signal again. The
repeat keeps its number and tells when it happened, so that a receiver can know it for one.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from opaska_gateway import clock, troubles
from opaska_gateway.care.case import CLOSED, DELIVERED, FORWARDED, step
from opaska_gateway.centre.interface import Delivery, Signal
from opaska_gateway.database import cases, outbox, strap_ends
from opaska_gateway.database.sickness import sickness
from opaska_gateway.logs import get_logger, journey
from opaska_gateway.vault import VaultError
from opaska_gateway.watch.hands import OF_CASE, Busy
from opaska_gateway.watch.signal import signal_of
from opaska_protocol.answers import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from opaska_gateway.context import Context
    from opaska_gateway.database.cases import Told
    from opaska_gateway.database.outbox import Waiting

    Claimed = tuple[Waiting, Signal | None]

T = TypeVar("T")

# Deliveries side by side; the centre keeps one turn per account.
HANDS: Final = {outbox.CENTRE: 16, outbox.TROUBLE: 1}
SPARE_S: Final = 5.0  # beyond the centre's own time-outs, before an attempt is ended here
RECORD_MS: Final = 10_000  # a lease outlasts an attempt by this, so that its end is recorded
PAUSES_MS: Final = (30_000, 60_000, 120_000, 300_000)  # after failures; the last one for ever
LOOK_AGAIN_S: Final = 60.0  # without a reason, should a wake-up ever be missed
SICK_PAUSE_S: Final = 1.0  # while the database cannot work
LONGEST_DETAIL: Final = 500  # characters of what a receiver said
NO_ACCOUNT: Final = {
    outbox.CENTRE: Delivery(
        "refused",
        "",
        "no account at the centre: give the wearer one, or the organisation a default",
    ),
    outbox.TROUBLE: Delivery("unwanted", "", "no account at the centre"),
}

log = get_logger()


class Centre(Protocol):
    """The monitoring centre, behind all its receivers."""

    @property
    def longest_s(self) -> float:
        """No delivery takes longer."""
        ...

    async def deliver(self, signal: Signal) -> Delivery: ...


class Forwarder:
    """One worker of the outbox."""

    def __init__(self, context: Context, centre: Centre) -> None:
        self._context = context
        self._centre = centre
        self._attempt_s = centre.longest_s + SPARE_S
        lease_ms = int(self._attempt_s * 1000) + RECORD_MS
        self._lease = outbox.Lease(os.urandom(16), lease_ms, lease_ms + PAUSES_MS[-1])
        self._free = dict(HANDS)
        self._busy = Busy()
        self._problem: str | None = None  # why the database cannot work now; None = it can

    async def run(self) -> None:
        """Work for ever."""
        if self._context.database.is_sqlite:  # one gateway per file: old leases are of the dead
            await self._transact(outbox.end_leases)
        since_ms = clock.now_ms() - troubles.AGAIN_AFTER_MS
        told = await self._transact(partial(outbox.told_troubles, since_ms=since_ms))
        self._context.troubles.remember(told)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._round(group)

    async def _round(self, group: asyncio.TaskGroup) -> None:
        """Hand out what is due, then wait for more."""
        self._context.outbox_ready.clear()
        try:
            claimed, due_ms = await self._transact(self._claim)
        except Exception as error:  # at the edge of the task: it must go on
            log.error("outbox_failed", exc_info=error)
            await asyncio.sleep(SICK_PAUSE_S)
            return
        for row, signal in claimed:
            if row.destination == outbox.TROUBLE and row.is_report:
                self._context.troubles.remember([(*_trouble(row), row.id, clock.now_ms())])
            self._free[row.destination] -= 1
            self._busy.take(row)
            group.create_task(self._hand_out(row, signal))
        await self._pause(due_ms)

    def _claim(self, connection: Connection) -> tuple[list[Claimed], int | None]:
        """(rows that are ours now, when the next one will be due)"""
        now_ms = clock.now_ms()
        claimed: list[Claimed] = []
        due_ms: list[int] = []
        busy = self._busy.copy()  # the loop may end some meanwhile
        for destination, free in self._free.items():
            if not free:
                continue
            for row in self._take(connection, destination, now_ms, free, busy):
                if not self._is_repeat(connection, row, now_ms):
                    body = self._body(connection, row)
                    claimed.append((row, signal_of(row, body, now_ms)))
            next_ms = outbox.next_due_ms(connection, destination, busy.but(destination))
            due_ms += [] if next_ms is None else [next_ms]
        return claimed, min(due_ms, default=None)

    def _take(
        self, connection: Connection, destination: str, now_ms: int, free: int, busy: Busy
    ) -> list[Waiting]:
        """Rows for free hands, counted in `busy`."""
        rows: list[Waiting] = []
        while len(rows) < free:
            most, but = min(OF_CASE, free - len(rows)), busy.but(destination)
            more = outbox.claim(connection, destination, self._lease, now_ms, most, but)
            if not more:
                break
            for row in more:
                busy.take(row)
            rows += more
        return rows

    def _is_repeat(self, connection: Connection, row: Waiting, now_ms: int) -> bool:
        """Whether the centre was just told of this trouble; then the row is done."""
        told = self._context.troubles
        if row.destination != outbox.TROUBLE or not row.is_report:
            return False  # the clock itself tells each of its troubles once, and its end
        if not told.is_repeat(*_trouble(row), now_ms, row.id):
            return False
        values = {"done_ms": now_ms, "outcome": outbox.REPEATED}
        return outbox.settle(connection, row.id, self._lease.owner, **values)

    def _body(self, connection: Connection, row: Waiting) -> bytes | None:
        id_ = (row.device_id, row.generation, row.boot, row.seq)
        bodies = self._context.bodies
        try:
            return bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
        except VaultError as error:  # costs the position, never the alarm
            log.error("body_not_opened", outbox=row.id, problem=str(error))
            return None

    async def _pause(self, due_ms: int | None) -> None:
        """Until rows are added, a hand is free, or the next attempt is due."""
        wait_s = LOOK_AGAIN_S
        if due_ms is not None:
            wait_s = min(wait_s, max(due_ms - clock.now_ms(), 0) / 1000)
        try:
            async with asyncio.timeout(wait_s):
                await self._context.outbox_ready.wait()
        except TimeoutError:
            pass

    async def _hand_out(self, row: Waiting, signal: Signal | None) -> None:
        self._context.busy += 1
        try:
            if signal is None:
                delivery = NO_ACCOUNT[row.destination]
            else:
                delivery = await self._deliver(row, signal)
            told = await self._transact(partial(self._settle, row, delivery))
            await self._context.resender.tell(told)
        except Exception as error:  # its lease runs out, then it is tried again
            log.error("forwarding_failed", outbox=row.id, exc_info=error)
        finally:
            self._context.busy -= 1
            self._free[row.destination] += 1
            self._busy.let_go(row)
            self._context.outbox_ready.set()

    async def _deliver(self, row: Waiting, signal: Signal) -> Delivery:
        kid_hex = row.kid.hex()
        journey("forwarded", kid=kid_hex, boot=row.boot, seq=row.seq, kind=signal.kind)
        try:
            async with asyncio.timeout(self._attempt_s):
                delivery = await self._centre.deliver(signal)
        except TimeoutError:
            delivery = Delivery("unreachable", "", "no receiver decided in time")
        if delivery.outcome == "accepted":
            journey("accepted", kid=kid_hex, boot=row.boot, seq=row.seq, by=delivery.receiver)
        return delivery

    def _settle(self, row: Waiting, delivery: Delivery, connection: Connection) -> list[Told]:
        """Record what became of an attempt; the answers that the wrist should hear."""
        self._context.count(f"delivery.{delivery.outcome}")
        now_ms = clock.now_ms()
        arrived = delivery.arrived
        values = {
            "outcome": delivery.outcome,
            "detail": f"{delivery.receiver}: {delivery.detail}"[:LONGEST_DETAIL],
            "done_ms": now_ms if arrived or _is_given_up(row, delivery, now_ms) else None,
            "next_attempt_ms": now_ms + _pause_ms(row.attempts),
        }
        if not outbox.settle(connection, row.id, self._lease.owner, **values):
            # The case was closed meanwhile, or the lease was lost.
            log.info("decided_meanwhile", outbox=row.id, outcome=delivery.outcome)
            return []
        if not arrived:
            _say_not_forwarded(row, delivery)
            return []
        self._case_delivered(connection, row.case_id, now_ms)
        if row.destination == outbox.CENTRE:
            strap_ends.delivered(connection, row.event_id)
        if delivery.outcome != "accepted":
            return []
        return cases.advance_answers(connection, ACCEPTED, event_id=row.event_id)

    def _case_delivered(self, connection: Connection, case_id: bytes | None, now_ms: int) -> None:
        case = cases.find_case(connection, case_id) if case_id else None
        if case is None or not cases.is_all_forwarded(connection, case.id):
            return
        state, _ = step(case.state, DELIVERED)
        if state != CLOSED:
            forwarded = {"forwarded_ms": now_ms} if state == FORWARDED else {}
            cases.update_case(connection, case.id, state=state, **forwarded)

    async def _transact(self, work: Callable[[Connection], T]) -> T:
        """Run a transaction, waiting while the database cannot work."""
        while True:
            try:
                done = await self._context.database.transact(work)
            except Exception as error:
                reason = sickness(error)
                if reason is None:
                    raise
                self._note(reason)
                await asyncio.sleep(SICK_PAUSE_S)
            else:
                self._note(None)
                return done

    def _note(self, reason: str | None) -> None:
        """Say once why the database cannot work, and once that it does again."""
        if reason is not None and reason != self._problem:
            log.error("forwarding_waits", reason=reason)
        elif reason is None and self._problem is not None:
            log.info("forwarding_goes_on", after=self._problem)
        self._problem = reason


def _trouble(row: Waiting) -> tuple[bytes, str]:
    return row.device_id, row.payload["kind"]


def _pause_ms(attempts: int) -> int:
    """After so many attempts."""
    return PAUSES_MS[min(attempts, len(PAUSES_MS)) - 1]


def _is_given_up(row: Waiting, delivery: Delivery, now_ms: int) -> bool:
    """Whether it is left to the technician. Never an alarm."""
    if row.destination != outbox.TROUBLE:
        return False
    return delivery.outcome == "unwanted" or now_ms - row.received_ms > troubles.LIFE_MS


def _say_not_forwarded(row: Waiting, delivery: Delivery) -> None:
    if delivery.outcome == "unwanted":
        return  # as the operator's table of codes says
    log.warning(
        "not_forwarded",
        outbox=row.id,
        kind=row.payload["kind"],
        outcome=delivery.outcome,
        receiver=delivery.receiver,
        detail=delivery.detail,
        attempts=row.attempts,
    )
