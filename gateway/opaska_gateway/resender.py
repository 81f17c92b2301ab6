# SPDX-License-Identifier: Apache-2.0
"""Answers beyond STORED and orders are told again at every heartbeat until the band echoes them.

Knows which bands have something to hear, so that other heartbeats cost nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from opaska_gateway.database import orders
from opaska_gateway.database.cases import not_echoed
from opaska_gateway.database.echoes import MOST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from opaska_gateway.bands import Bands
    from opaska_gateway.database.cases import Told
    from opaska_gateway.database.engine import Database
    from opaska_gateway.replies import Replies

    Has = tuple[int | None, int]  # what a band says: version of its settings, its last order


class Resender:
    """What bands have not echoed yet. `waiting` holds the kids that have something to hear."""

    def __init__(self, database: Database, bands: Bands, replies: Replies) -> None:
        self._database = database
        self._bands = bands
        self._replies = replies
        self.waiting = frozenset[bytes]()  # replaced as a whole: another thread reads it
        self._settled: dict[bytes, Has] = {}  # device: all as it is to be
        self.older_than: set[bytes] = set()  # kids with alarms of after our copy; named once
        self._told: dict[int, int] = {}  # event id: state that was sent
        self._ordered: set[tuple[bytes, int]] = set()  # (kid, dseq) that were sent

    async def load(self) -> None:
        """Take over what an earlier process left; the next heartbeats bring it on its way."""
        await self._look(tell=False)

    async def look_again(self) -> None:
        """Cases or orders were changed elsewhere: tell the bands what is new."""
        await self._look(tell=True)

    def expect_echo(self, kids: Iterable[bytes]) -> None:
        """These bands were told, or will be, more than STORED."""
        self.waiting = self.waiting.union(kids)

    def is_settled(self, device_id: bytes, has: Has) -> bool:
        """Whether this version is the desired one, known to be in force, and the order known. Any
        thread."""
        return self._settled.get(device_id) == has

    def settle(self, device_id: bytes, has: Has | None) -> None:
        """It is, and needs no look into the database until something changes; None: it is not."""
        if has is None:
            self._settled.pop(device_id, None)
        else:
            self._settled[device_id] = has

    async def tell(self, answers: Iterable[Told]) -> None:
        """Tell bands that their reports got further."""
        answers = _newest(list(answers))
        kids = {one.kid for one in answers}
        self.expect_echo(kids)  # first of all: whatever fails here comes with a heartbeat
        bands = await self._bands.fetch(kids)
        for one in answers:
            band = bands.get(one.kid)
            if band is None:
                continue
            self._told[one.event_id] = one.state
            self._replies.answer(band, one.generation, one.boot, one.seq, one.state, keep=True)

    async def _look(self, *, tell: bool) -> None:
        answers, ordered = await self._database.transact(_everything)
        fresh = [one for one in answers if self._told.get(one.event_id) != one.state]
        new_orders = [one for one in ordered if one not in self._ordered]
        self._settled = {}
        self._told = {one.event_id: one.state for one in answers}
        self._ordered = set(ordered)
        self.waiting = frozenset([one.kid for one in answers] + [kid for kid, _ in ordered])
        if tell:
            await self.tell(fresh)
            await self._send_orders({kid for kid, _ in new_orders})

    async def _send_orders(self, kids: set[bytes]) -> None:
        bands = await self._bands.fetch(kids)
        for band in bands.values():
            async with self._database.read() as connection:
                waiting = await connection.run_sync(orders.waiting, band.device_id)
            for dseq, kind, arguments in waiting:
                self._replies.order(band, dseq, kind, arguments)


def _newest(answers: list[Told]) -> list[Told]:
    """Of each band so many that nobody waits for the sealing; the others come with heartbeats."""
    told = Counter[bytes]()
    newest: list[Told] = []
    for one in reversed(answers):
        told[one.kid] += 1
        if told[one.kid] <= MOST:
            newest.append(one)
    return newest


def _everything(connection: Connection) -> tuple[list[Told], list[tuple[bytes, int]]]:
    return not_echoed(connection), orders.all_waiting(connection)
