# SPDX-License-Identifier: Apache-2.0
"""Who is who in a list of visits, and what services are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from opaska_gateway.care.services import POLISH
from opaska_gateway.database.tables import person
from opaska_gateway.registry import carers, services
from opaska_gateway.registry.cases import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.care.services import Catalogue
    from opaska_gateway.registry.change import AnyRow
    from opaska_gateway.vault import Vault

NOBODY = "nobody"  # wore the band
STRANGER = "unknown card"


@dataclass(frozen=True)
class Names:
    """Who is who."""

    carers: dict[bytes, str]
    people: dict[bytes, AnyRow]
    services: Catalogue
    vault: Vault
    language: str = POLISH

    def carer(self, carer_id: bytes | None) -> str:
        """Of a card's carer; an unknown card has none."""
        return STRANGER if carer_id is None else self.carers.get(carer_id, STRANGER)

    def person(self, person_id: bytes | None) -> str:
        if person_id is None:
            return NOBODY
        return name_of(self.people[person_id], self.vault) or "erased"

    def service(self, organisation_id: bytes, number: int, at_ms: int) -> str:
        """What it was called then; "" when nobody has named it."""
        return self.services.name(organisation_id, number, at_ms, self.language)


async def names_of(
    connection: AsyncConnection,
    vault: Vault,
    people: Iterable[bytes | None],
    language: str = POLISH,
) -> Names:
    """Of all carers and services, and of these wearers."""
    wanted = [one for one in set(people) if one is not None]
    found: dict[bytes, AnyRow] = {}
    query = select(person.c.id, person.c.id.label("person_id"), person.c.wrapped_key)
    for start in range(0, len(wanted), 500):
        some = query.add_columns(person.c.sealed, person.c.organisation_id)
        some = some.where(person.c.id.in_(wanted[start : start + 500]))
        found |= {row.id: row for row in await connection.execute(some)}
    called, named = await carers.names(connection, vault), await services.catalogue(connection)
    return Names(called, found, named, vault, language)
