# SPDX-License-Identifier: Apache-2.0
"""One change of the registry: a durable transaction by somebody, with its lines in the audit."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from sqlalchemy import Row

from opaska_gateway import clock
from opaska_gateway.database import audit
from opaska_gateway.errors import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.store import Store
    from opaska_gateway.vault import Vault


AnyRow: TypeAlias = Row[*tuple[Any, ...]]  # a row whose columns the type checker does not know


@dataclass(frozen=True)
class Change:
    """What every rule needs: the open transaction, the keys, who does it and when."""

    connection: AsyncConnection
    vault: Vault
    who: str
    at_ms: int

    async def note(
        self,
        what: str,
        subject: str,
        organisation_id: bytes | None,
        *,
        from_value: str | None = None,
        to_value: str | None = None,
        why: str | None = None,
    ) -> None:
        """Add a line to the audit: pseudonymous ids, never a name."""
        if why is not None and not why.strip():
            raise Refused("the reason is empty; write why, for the audit")
        entry = audit.Entry(organisation_id, self.who, what, subject, from_value, to_value, why)
        await audit.append(self.connection, [entry])


@asynccontextmanager
async def change(store: Store, who: str) -> AsyncGenerator[Change]:
    """Begin a change; it counts when the block ends without an error."""
    async with store.database.write() as connection:
        yield Change(connection, store.vault, who, clock.now_ms())


def new_id() -> bytes:
    """An id that says nothing."""
    return uuid4().bytes
