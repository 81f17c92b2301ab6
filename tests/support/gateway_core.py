# SPDX-License-Identifier: Apache-2.0
"""The gateway's heart in one process: database, vault, context, and bands that seal for real."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select, text, update

from opaska_gateway import clock
from opaska_gateway.context import Context
from opaska_gateway.database import tables
from opaska_gateway.database.engine import Database
from opaska_gateway.intake.arrival import Arrival
from opaska_gateway.registry.people import SEALED
from opaska_gateway.registry.sealed import key_of, seal_facts
from opaska_gateway.vault import Vault, band_key_purpose, new_person_key, person_key_purpose
from opaska_protocol import reports
from opaska_protocol.answers import ANSWER, decode_answer
from opaska_protocol.channel import BandChannel
from opaska_protocol.orders import body_type, decode_order
from opaska_protocol.seal import KEY_SIZE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

BOOT_UPTIME_MS = 5_000
Answered = tuple[int, int, int]  # boot, seq, state


@dataclass
class CoreBand:
    """A registered band: seals reports, opens what comes down."""

    kid: bytes
    key: bytes
    device_id: bytes
    organisation_id: bytes
    person_id: bytes | None
    assignment_id: bytes | None
    boot: int = 1
    seq: int = 0
    salt: bytes = field(default_factory=lambda: os.urandom(8))
    answers: list[Answered] = field(default_factory=list)
    orders: list[tuple[int, int, dict[int, Any]]] = field(default_factory=list)
    generation: int = 1
    planned: list[list[int] | None] = field(default_factory=list)  # with each answer

    @property
    def kid_hex(self) -> str:
        return self.kid.hex()

    def restart(self) -> None:
        """A new boot with a new salt."""
        self.boot += 1
        self.seq = 0
        self.salt = os.urandom(8)

    def seal(self, type_: int, seq: int | None = None, **fields: Any) -> bytes:
        """The frame of the next report."""
        return self.seal_body(reports.encode_report(type_, fields), seq)

    def seal_body(self, body: bytes, seq: int | None = None) -> bytes:
        """The frame of any body."""
        if seq is None:
            self.seq += 1
            seq = self.seq
        return self._channel().seal(seq, body)

    def sos(
        self, *, uptime_ms: int = BOOT_UPTIME_MS, kind: int = reports.SOS, **more: Any
    ) -> bytes:
        return self.seal(reports.ALARM, uptime_ms=uptime_ms, kind=kind, **more)

    def heartbeat(self, *, uptime_ms: int = BOOT_UPTIME_MS, **more: Any) -> bytes:
        fields = {"free_bytes": 100_000, "build": 1, "link": 1, "last_dseq": 0, "waiting": 0}
        return self.seal(reports.HEARTBEAT, uptime_ms=uptime_ms, **{**fields, **more})

    def hear(self, frame: bytes) -> None:
        """Open what the gateway sent; raises if it is not for this band."""
        body = self._channel().open(frame)
        if body_type(body) == ANSWER:
            answer = decode_answer(body)
            self.answers.append((answer.boot, answer.seq, answer.state))
            self.planned.append(answer.planned)
        else:
            order = decode_order(body)
            self.orders.append((order.dseq, order.kind, order.arguments))

    def states(self, seq: int | None = None) -> list[int]:
        """Answer states of one report of this boot, in the order in which they came."""
        wanted = (self.boot, self.seq if seq is None else seq)
        return [state for boot, seq_, state in self.answers if (boot, seq_) == wanted]

    def _channel(self) -> BandChannel:
        return BandChannel(self.kid, self.generation, self.key, self.boot, self.salt)


class Later(clock.SystemSource):
    """The machine's clocks, some time later."""

    def __init__(self, by_ms: int) -> None:
        self.by_ms = by_ms

    def now_ms(self) -> int:
        return super().now_ms() + self.by_ms

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.by_ms / 1000


class Core:
    """A context on a database in a folder, and the bands that belong to it."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self.vault = vault
        self.bands: dict[str, CoreBand] = {}
        self.sent: list[tuple[str, bytes, bool]] = []
        self.done: list[bytes] = []  # frames whose outcome was decided
        self.context = self.new_context()

    def new_context(self) -> Context:
        """Another gateway process on the same database, as after a restart."""
        context = Context(self.database, self.vault)
        context.replies.publish = self._publish
        return context

    async def add_band(
        self, *, handling: str = "console", account: str | None = "1234", worn: bool = True
    ) -> CoreBand:
        """Register a band, and a person who wears it."""
        band = await self.database.transact(
            lambda connection: _register(connection, self.vault, handling, account, worn)
        )
        self.bands[band.kid_hex] = band
        return band

    async def name(self, band: CoreBand, **facts: str) -> None:
        """Say who wears it."""
        assert band.person_id is not None
        this = tables.person.c.id == band.person_id
        async with self.database.write() as connection:
            wearer = (await connection.execute(select(tables.person).where(this))).one()
            sealed = seal_facts(key_of(self.vault, wearer), SEALED, band.person_id, facts)
            await connection.execute(update(tables.person).where(this).values(sealed=sealed))

    def arrival(
        self,
        band: CoreBand | str,
        frame: bytes,
        *,
        urgent: bool = True,
        received_ms: int | None = None,
    ) -> Arrival:
        """The frame as it comes in on the band's topic."""
        return Arrival(
            band if isinstance(band, str) else band.kid_hex,
            frame,
            "mqtt",
            urgent=urgent,
            received_ms=clock.now_ms() if received_ms is None else received_ms,
            done=lambda: self.done.append(frame),
        )

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """Rows of any query."""
        async with self.database.read() as connection:
            return list((await connection.execute(text(query), values)).all())

    async def events(self) -> list[Any]:
        async with self.database.read() as connection:
            query = select(tables.event).order_by(tables.event.c.id)
            return list((await connection.execute(query)).all())

    async def cases(self) -> list[Any]:
        async with self.database.read() as connection:
            query = select(tables.care_case).order_by(tables.care_case.c.opened_ms)
            return list((await connection.execute(query)).all())

    def _publish(self, kid_hex: str, frame: bytes, keep: bool) -> None:
        self.sent.append((kid_hex, frame, keep))
        self.bands[kid_hex].hear(frame)


@asynccontextmanager
async def core(folder: Path, url: str | None = None) -> AsyncGenerator[Core]:
    """A gateway's heart on a new database in this folder."""
    vault = Vault.create(folder / "key")
    if url is None:
        (folder / "opaska.db").write_bytes(await migrated())
    async with Database(url or f"sqlite+aiosqlite:///{folder / 'opaska.db'}") as database:
        yield Core(database, vault)


_template: list[bytes] = []


async def migrated() -> bytes:
    """An empty database with the newest tables: made once, then copied."""
    if not _template:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "opaska.db"
            async with Database(f"sqlite+aiosqlite:///{path}"):
                pass
            _template.append(path.read_bytes())  # closing the last connection empties the WAL
    return _template[0]


def _register(
    connection: Connection, vault: Vault, handling: str, account: str | None, worn: bool
) -> CoreBand:
    now_ms = clock.now_ms() - 86_400_000
    organisation_id = _organisation(connection, now_ms)
    band = CoreBand(
        os.urandom(8), os.urandom(KEY_SIZE), uuid4().bytes, organisation_id, None, None
    )
    owned = {"organisation_id": organisation_id}
    connection.execute(
        insert(tables.device).values(
            id=band.device_id, kid=band.kid, label=band.kid_hex, created_ms=now_ms, **owned
        )
    )
    connection.execute(
        insert(tables.device_key).values(
            device_id=band.device_id,
            generation=1,
            wrapped=vault.wrap(band_key_purpose(band.kid, 1), band.key),
            from_ms=now_ms,
            **owned,
        )
    )
    if worn:
        assign(connection, vault, band, now_ms, handling=handling, account=account)
    return band


def assign(
    connection: Connection,
    vault: Vault,
    band: CoreBand,
    from_ms: int,
    to_ms: int | None = None,
    *,
    handling: str = "console",
    account: str | None = "1234",
) -> bytes:
    """Put the band on the wrist of a new person; the person's id."""
    person_id, agreement_id, assignment_id = (uuid4().bytes for _ in range(3))
    owned = {"organisation_id": band.organisation_id, "created_ms": from_ms}
    wrapped = vault.wrap(person_key_purpose(person_id), new_person_key())
    connection.execute(insert(tables.person).values(id=person_id, wrapped_key=wrapped, **owned))
    connection.execute(
        insert(tables.agreement).values(
            id=agreement_id, handling=handling, from_ms=from_ms, **owned
        )
    )
    connection.execute(
        insert(tables.assignment).values(
            id=assignment_id,
            device_id=band.device_id,
            person_id=person_id,
            agreement_id=agreement_id,
            account=account,
            settings={},
            from_ms=from_ms,
            to_ms=to_ms,
            **owned,
        )
    )
    band.person_id, band.assignment_id = person_id, assignment_id
    return person_id


def _organisation(connection: Connection, now_ms: int) -> bytes:
    known: bytes | None = connection.execute(select(tables.organisation.c.id)).scalar()
    if known is not None:
        return known
    organisation_id = uuid4().bytes
    connection.execute(
        insert(tables.organisation).values(
            id=organisation_id, name="Centre", time_zone="Europe/Warsaw", created_ms=now_ms
        )
    )
    return organisation_id
