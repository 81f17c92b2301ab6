# SPDX-License-Identifier: Apache-2.0
"""Bands: made known with a fresh key, given a new one at a hand-over, listed, revoked for ever."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from opaska_gateway.database.tables import assignment, device, device_key
from opaska_gateway.errors import Refused
from opaska_gateway.logs import get_logger
from opaska_gateway.registry import assignments
from opaska_gateway.registry.change import new_id
from opaska_gateway.registry.find import BAND, KID_BYTES, find
from opaska_gateway.registry.organisations import named_or_first
from opaska_gateway.vault import VaultError, band_key_purpose
from opaska_protocol.seal import KEY_SIZE, derive_psk

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import Change
    from opaska_gateway.vault import Vault

log = get_logger()

FIRST_GENERATION, LAST_GENERATION = 1, 65_535  # as the wire counts them


@dataclass(frozen=True)
class Bundle:
    """What a band is provisioned with. It leaves the gateway once and is not kept in clear."""

    kid: str
    label: str
    generation: int
    key: str = field(repr=False)  # K_gen, hex
    tls_identity: str


async def add(change: Change, label: str | None = None, organisation: str | None = None) -> Bundle:
    """Make a band known: its identity, its first key, and the bundle to provision it with."""
    owner = await named_or_first(change, organisation)
    kid, device_id = os.urandom(KID_BYTES), new_id()
    label = await _free_label(change.connection, owner, label)
    await change.connection.execute(
        insert(device).values(
            id=device_id, organisation_id=owner, kid=kid, label=label, created_ms=change.at_ms
        )
    )
    key = await _new_key(change, device_id, owner, kid, FIRST_GENERATION)
    await change.note("band_added", _subject(device_id), owner, to_value=kid.hex())
    return Bundle(kid.hex(), label, FIRST_GENERATION, key.hex(), kid.hex())


async def rekey(change: Change, text: str) -> Bundle:
    """A new key for a band between two wearers; the bundle to provision it with.

    With the old one it cannot connect over TLS any more. What it sealed under it, and still keeps,
    is taken and answered until the band is revoked: nobody's alarm is lost over a hand-over.
    """
    band = await find(change.connection, BAND, text)
    if band.revoked_ms is not None:
        raise Refused(f"band {band.label} is revoked for ever; add it anew: opaska bands add")
    if await assignments.worn_now(change, band.id):
        raise Refused(
            f"band {band.label} is worn, and would not be heard until it is provisioned again; "
            f"first: opaska people unassign {band.label}"
        )
    newest = select(func.max(device_key.c.generation)).where(device_key.c.device_id == band.id)
    old = (await change.connection.execute(newest)).scalar_one()
    if old == LAST_GENERATION:
        raise Refused(f"band {band.label} has had every key a band can have; take another band")
    key = await _new_key(change, band.id, band.organisation_id, band.kid, old + 1)
    await change.note(
        "band_rekeyed",
        _subject(band.id),
        band.organisation_id,
        from_value=f"generation {old}",
        to_value=f"generation {old + 1}",
    )
    return Bundle(band.kid.hex(), band.label, old + 1, key.hex(), band.kid.hex())


async def revoke(change: Change, text: str, why: str) -> str:
    """Refuse everything from this band from now on, and take it off its wearer; its kid."""
    band = await find(change.connection, BAND, text)
    if band.revoked_ms is not None:
        raise Refused(f"band {band.label} is revoked already")
    await assignments.end_if_open(change, band, why)
    await change.connection.execute(
        update(device).where(device.c.id == band.id).values(revoked_ms=change.at_ms)
    )
    await change.note("band_revoked", _subject(band.id), band.organisation_id, why=why)
    kid: str = band.kid.hex()
    return kid


async def list_all(connection: AsyncConnection) -> list[dict[str, Any]]:
    """Every band with its newest generation and who wears it, in the order they were added."""
    generation = (
        select(func.max(device_key.c.generation))
        .where(device_key.c.device_id == device.c.id)
        .scalar_subquery()
    )
    worn = (assignment.c.device_id == device.c.id) & assignment.c.to_ms.is_(None)
    query = (
        select(
            device.c.kid,
            device.c.label,
            generation.label("generation"),
            device.c.created_ms,
            device.c.revoked_ms,
            assignment.c.person_id,
            assignment.c.account,
        )
        .outerjoin_from(device, assignment, worn)
        .order_by(device.c.created_ms, device.c.label)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def psk_by_kid(connection: AsyncConnection, vault: Vault) -> dict[str, bytes]:
    """The TLS key of every band that may connect: not revoked, under its newest generation. A
    damaged row keeps its own band out and no other."""
    query = (
        select(device.c.kid, device_key.c.generation, device_key.c.wrapped)
        .join_from(device, device_key)
        .where(device.c.revoked_ms.is_(None), device_key.c.to_ms.is_(None))
        .order_by(device.c.kid, device_key.c.generation)
    )
    keys: dict[str, bytes] = {}
    for row in (await connection.execute(query)).all():
        kid_hex = row.kid.hex()
        try:
            key = vault.unwrap(band_key_purpose(row.kid, row.generation), row.wrapped)
            keys[kid_hex] = derive_psk(key)
        except VaultError as error:
            keys.pop(kid_hex, None)  # an earlier generation's is no longer its own
            log.error("band_key_unusable", band=kid_hex, problem=str(error))
    return keys


async def _new_key(
    change: Change, device_id: bytes, owner: bytes, kid: bytes, generation: int
) -> bytes:
    key = os.urandom(KEY_SIZE)
    await change.connection.execute(
        insert(device_key).values(
            device_id=device_id,
            generation=generation,
            organisation_id=owner,
            wrapped=change.vault.wrap(band_key_purpose(kid, generation), key),
            from_ms=change.at_ms,
        )
    )
    return key


async def _free_label(connection: AsyncConnection, owner: bytes, wanted: str | None) -> str:
    """The wanted label, or the next number; two bands of one organisation never share one."""
    mine = device.c.organisation_id == owner
    if wanted is None:
        number = (await connection.execute(select(func.count()).where(mine))).scalar_one() + 1
        while await _taken(connection, mine & (device.c.label == str(number))):
            number += 1
        return str(number)
    if not wanted.strip():
        raise Refused("a label needs characters; write what is printed on the band")
    if await _taken(connection, mine & (device.c.label == wanted)):
        raise Refused(f"there is a band {wanted} already; write another label")
    return wanted


async def _taken(connection: AsyncConnection, condition: ColumnElement[bool]) -> bool:
    return (await connection.execute(select(device.c.id).where(condition))).first() is not None


def _subject(device_id: bytes) -> str:
    return f"device:{device_id.hex()}"
