# SPDX-License-Identifier: Apache-2.0
"""Reads bands with their keys and wearers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from opaska_gateway.care.wearing import Assignment
from opaska_gateway.database.tables import agreement, assignment, device, device_key

if TYPE_CHECKING:
    from sqlalchemy import Connection

AT_ONCE = 500  # kids in one statement: below every limit of parameters


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A wrapped key, since when there is one, and when it ends."""

    wrapped: bytes
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class BandRow:
    """A band, its keys by generation, and who wore it when."""

    device_id: bytes
    kid: bytes
    organisation_id: bytes
    created_ms: int
    revoked: bool
    keys: dict[int, KeyRow]
    assignments: tuple[Assignment, ...]


_NEWEST = (
    select(device.c.kid).where(device.c.revoked_ms.is_(None)).order_by(device.c.created_ms.desc())
)
_DEVICES = select(device).where(device.c.kid.in_(bindparam("kids", expanding=True)))
_KEYS = select(device_key).join(device).where(device.c.kid.in_(bindparam("kids", expanding=True)))
_ASSIGNMENTS = (
    select(assignment, agreement.c.handling)
    .join(agreement)
    .join(device, assignment.c.device_id == device.c.id)
    .where(device.c.kid.in_(bindparam("kids", expanding=True)))
    .order_by(assignment.c.from_ms.desc())
)


def newest_kids(connection: Connection, at_most: int) -> list[bytes]:
    """Of the bands that are not revoked, those registered last."""
    return list(connection.execute(_NEWEST.limit(at_most)).scalars())


def load_bands(connection: Connection, kids: list[bytes]) -> list[BandRow]:
    """The registered ones among `kids`."""
    found: list[BandRow] = []
    for start in range(0, len(kids), AT_ONCE):
        found += _load(connection, kids[start : start + AT_ONCE])
    return found


def _load(connection: Connection, kids: list[bytes]) -> list[BandRow]:
    wanted = {"kids": kids}
    keys: dict[bytes, dict[int, KeyRow]] = {}
    for row in connection.execute(_KEYS, wanted):
        keys.setdefault(row.device_id, {})[row.generation] = KeyRow(
            row.wrapped, row.from_ms, row.to_ms
        )
    worn: dict[bytes, list[Assignment]] = {}
    for row in connection.execute(_ASSIGNMENTS, wanted):
        one = Assignment(
            row.id, row.organisation_id, row.person_id, row.handling, row.from_ms, row.to_ms
        )
        worn.setdefault(row.device_id, []).append(one)
    return [
        BandRow(
            row.id,
            row.kid,
            row.organisation_id,
            row.created_ms,
            row.revoked_ms is not None,
            keys.get(row.id, {}),
            tuple(worn.get(row.id, ())),
        )
        for row in connection.execute(_DEVICES, wanted)
    ]
