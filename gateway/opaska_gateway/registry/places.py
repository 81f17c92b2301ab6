# SPDX-License-Identifier: Apache-2.0
"""Where a person lives, with the time zone there. The address is sealed for that person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from opaska_gateway.database.tables import place
from opaska_gateway.registry.change import new_id
from opaska_gateway.registry.organisations import checked_time_zone
from opaska_gateway.registry.sealed import seal_facts

if TYPE_CHECKING:
    from opaska_gateway.registry.change import AnyRow, Change

SEALED = "place.sealed"


async def add(
    change: Change,
    person: AnyRow,
    person_key: bytes,
    time_zone: str,
    address: str | None,
    area: str | None = None,
) -> bytes:
    """Note where a person lives from now on; its id. Earlier places stay for earlier events."""
    place_id = new_id()
    facts = {"address": address} if address else {}
    await change.connection.execute(
        insert(place).values(
            id=place_id,
            organisation_id=person.organisation_id,
            person_id=person.id,
            time_zone=checked_time_zone(time_zone),
            sealed=seal_facts(person_key, SEALED, place_id, facts),
            created_ms=change.at_ms,
            area=area or postal_district(address or ""),
        )
    )
    await change.note("place_added", f"place:{place_id.hex()}", person.organisation_id)
    return place_id


def postal_district(address: str) -> str | None:
    """The first three digits of a Polish postal code: "32-4". No more stands in the clear."""
    code = re.search(r"(?<!\d)(\d\d-\d)\d\d(?!\d)", address)
    return code[1] if code else None


async def newest(change: Change, person_id: bytes) -> bytes | None:
    """Where the person lives now, if anybody told us."""
    query = (
        select(place.c.id)
        .where(place.c.person_id == person_id)
        .order_by(place.c.created_ms.desc())
        .limit(1)
    )
    found: bytes | None = (await change.connection.execute(query)).scalar()
    return found
