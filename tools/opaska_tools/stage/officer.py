# SPDX-License-Identifier: Apache-2.0
"""An officer beside a running gateway, by the rules behind `opaska bands`: orders what a band
shall do, and reads what it has reported."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import select

from opaska_gateway import clock, settings_file
from opaska_gateway.bodies import Bodies
from opaska_gateway.database.tables import device, event
from opaska_gateway.registry import cards, carers, orders, planned, visits, whereabouts
from opaska_gateway.registry.change import change
from opaska_gateway.registry.find import BAND, find, wearer_of
from opaska_gateway.store import open_store
from opaska_protocol.reports import decode_report

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.cards import Bundle
    from opaska_gateway.store import Store
    from opaska_protocol.reports import Report
    from opaska_tools.stage.gateway import Gateway, Station

_WHO = "stage"
_WHY = "shown on the stage"  # for the audit
_SERVICE = 1
_A_DAY_MS = 24 * 3_600_000


class Officer:
    """An async context manager; the running gateway notices what is ordered within a second."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stack = AsyncExitStack()
        self._opened: Store | None = None

    async def order_settings(self, kid: str, **wanted: int | bool) -> None:
        """As `opaska bands set`; without settings those are ordered again that there are."""
        async with change(self._store, _WHO) as now:
            await orders.set_band(now, kid, dict(wanted))

    async def order_zone(self, kid: str, circle: str) -> None:
        """As `opaska bands zones`."""
        async with change(self._store, _WHO) as now:
            await whereabouts.set_zones(now, kid, [circle], _WHY)

    async def locate(self, kid: str) -> None:
        """As `opaska bands locate`."""
        async with change(self._store, _WHO) as now:
            await whereabouts.locate(now, kid, _WHY)

    async def expect(self, kid: str, carer: str, uid: bytes, minutes: int) -> Bundle:
        """As `opaska carers add`, `cards add` and `visits plan`, for whoever wears this band: what
        the card is set up with."""
        async with change(self._store, _WHO) as now:
            carer_id = (await carers.add(now, {"name": carer})).hex()
            bundle = await cards.add(now, carer_id, uid.hex(), service=_SERVICE)
            person = await self._wearer(now.connection, kid)
            at = datetime.now(UTC).isoformat()
            await planned.add(now, person, at, minutes, _SERVICE, carer_id)
        assert bundle is not None
        return bundle

    async def latest_visit(self, kid: str) -> dict[str, Any] | None:
        """As `opaska visits list`: the latest one at whoever wears this band."""
        store, now_ms = self._store, clock.now_ms()
        async with store.database.read() as connection:
            person = await self._wearer(connection, kid)
            since_ms = now_ms - _A_DAY_MS
            found = await visits.list_all(
                connection, store.vault, since_ms, now_ms + 1, now_ms, person
            )
        return found[0] if found else None

    async def _wearer(self, connection: AsyncConnection, kid: str) -> str:
        band = await find(connection, BAND, kid)
        person_id = await wearer_of(connection, band.id)
        assert person_id is not None
        return person_id.hex()

    async def read(self, passed: Station) -> Report | None:
        """The stored report that passed there, opened with the wearer's key."""
        async with self._store.database.read() as connection:
            return await connection.run_sync(self._read, passed)

    def _read(self, connection: Connection, passed: Station) -> Report | None:
        query = (
            select(event)
            .join(device, event.c.device_id == device.c.id)
            .where(
                device.c.kid == bytes.fromhex(passed.kid),
                event.c.kind == "report",
                event.c.boot == passed.boot,
                event.c.seq == passed.seq,
            )
        )
        row: Any = connection.execute(query).first()
        if row is None:
            return None
        id_ = (row.device_id, row.generation, row.boot, row.seq)
        bodies = Bodies(self._store.vault)
        body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
        return None if body is None else decode_report(body)

    @property
    def _store(self) -> Store:
        assert self._opened is not None
        return self._opened

    async def __aenter__(self) -> Self:
        settings = settings_file.load(self._gateway.config_file)
        self._opened = await self._stack.enter_async_context(open_store(settings.storage))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
