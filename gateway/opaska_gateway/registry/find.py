# SPDX-License-Identifier: Apache-2.0
"""Finds the one row an operator means: by its name, its id or the beginning of its id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, select

from opaska_gateway.database.tables import (
    ID_BYTES,
    agreement,
    assignment,
    care_case,
    device,
    organisation,
    person,
)
from opaska_gateway.errors import NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow

LEAST_DIGITS = 4  # of the beginning of an id; fewer would too often fit by accident
KID_BYTES = 8


@dataclass(frozen=True)
class Sought:
    """One kind of thing: its word, its id, and the column of the name printed on it, if any."""

    word: str
    identity: Column[Any]
    size: int
    command: str  # lists them
    name: Column[Any] | None = None


BAND = Sought("band", device.c.kid, KID_BYTES, "opaska bands list", device.c.label)
PERSON = Sought("person", person.c.id, ID_BYTES, "opaska people list")
CASE = Sought("case", care_case.c.id, ID_BYTES, "opaska cases list --all")
AGREEMENT = Sought("agreement", agreement.c.id, ID_BYTES, "opaska organisations list")
ORGANISATION = Sought(
    "organisation", organisation.c.id, ID_BYTES, "opaska organisations list", organisation.c.name
)


async def find(connection: AsyncConnection, sought: Sought, text: str) -> AnyRow:
    """The only row that fits; NotFound or Refused says how to name it better."""
    rows = await _by_name(connection, sought, text) or await _by_id(connection, sought, text)
    if not rows:
        raise NotFound(f"there is no {sought.word} {text}; see `{sought.command}`")
    if len(rows) > 1:
        raise Refused(
            f"{sought.word} {text} fits more than one; write more of its id, "
            f"see `{sought.command}`"
        )
    return rows[0]


async def wearer_of(connection: AsyncConnection, device_id: bytes) -> bytes | None:
    """The person on whose wrist the band is now."""
    worn = select(assignment.c.person_id).where(
        assignment.c.device_id == device_id, assignment.c.to_ms.is_(None)
    )
    person_id: bytes | None = (await connection.execute(worn)).scalar()
    return person_id


async def _by_name(connection: AsyncConnection, sought: Sought, text: str) -> Sequence[AnyRow]:
    if sought.name is None:
        return []
    query = select(sought.identity.table).where(sought.name == text)
    return (await connection.execute(query.limit(2))).all()


async def _by_id(connection: AsyncConnection, sought: Sought, text: str) -> Sequence[AnyRow]:
    digits = text.lower()
    most = 2 * sought.size
    if not re.fullmatch(rf"[0-9a-f]{{{LEAST_DIGITS},{most}}}", digits):
        return []
    low, high = (bytes.fromhex(digits.ljust(most, fill)) for fill in "0f")
    query = select(sought.identity.table).where(sought.identity.between(low, high))
    return (await connection.execute(query.limit(2))).all()
