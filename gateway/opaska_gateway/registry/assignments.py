# SPDX-License-Identifier: Apache-2.0
"""Which band is on whose wrist, since when, under which agreement and account.

An assignment is a half-open interval; a late report belongs to the one that held when it happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from opaska_gateway.database.tables import assignment, device_key
from opaska_gateway.errors import Refused
from opaska_gateway.registry import orders, places, whereabouts
from opaska_gateway.registry.accounts import checked_account
from opaska_gateway.registry.change import new_id
from opaska_gateway.registry.find import BAND, PERSON, find
from opaska_gateway.registry.organisations import agreement_for
from opaska_gateway.registry.sealed import key_of

if TYPE_CHECKING:
    from opaska_gateway.registry.change import AnyRow, Change


async def assign(
    change: Change,
    person_text: str,
    band_text: str,
    account: str | None = None,
    agreement: str | None = None,
) -> bytes:
    """Put a band on a person's wrist from now on; the assignment's id."""
    someone = await find(change.connection, PERSON, person_text)
    band = await find(change.connection, BAND, band_text)
    key_of(change.vault, someone)  # refuses an erased person
    if band.revoked_ms is not None:
        raise Refused(f"band {band.label} is revoked; take another one")
    if await worn_now(change, band.id):
        raise Refused(
            f"band {band.label} is worn already; first: opaska people unassign {band.label}"
        )
    ended_ms = await _taken_off_ms(change, band.id)
    settings = await _settings_of(change, someone.id, band.id)
    zones = await whereabouts.zones_of(change, someone.id)
    assignment_id = new_id()
    row = {
        "id": assignment_id,
        "organisation_id": band.organisation_id,
        "device_id": band.id,
        "person_id": someone.id,
        "agreement_id": await agreement_for(change, band.organisation_id, agreement),
        "place_id": await places.newest(change, someone.id),
        "account": checked_account(account),
        "settings": settings,
        "from_ms": max(change.at_ms, ended_ms),  # never overlapping, even if our clock went back
        "created_ms": change.at_ms,
    }
    await change.connection.execute(insert(assignment).values(row))
    await change.note(
        "band_assigned",
        f"assignment:{assignment_id.hex()}",
        band.organisation_id,
        to_value=f"device:{band.id.hex()} person:{someone.id.hex()}",
    )
    await orders.hand_over(change, band, settings)
    if not await _has_zones(change, band.id, someone.id, ended_ms):
        await whereabouts.hand_over(change, band, ended_ms, zones)
    return assignment_id


async def unassign(change: Change, band_text: str, why: str | None = None) -> None:
    """Take a band off its wearer, from now on."""
    band = await find(change.connection, BAND, band_text)
    if not await end_if_open(change, band, why):
        raise Refused(f"nobody wears band {band.label}")


async def end_if_open(change: Change, band: AnyRow, why: str | None) -> bool:
    """End the band's assignment; whether there was one."""
    worn = await worn_now(change, band.id)
    if worn is None:
        return False
    await change.connection.execute(
        update(assignment)
        .where(assignment.c.id == worn.id)
        .values(to_ms=max(change.at_ms, worn.from_ms + 1))
    )
    await change.note(
        "band_unassigned", f"assignment:{worn.id.hex()}", band.organisation_id, why=why
    )
    return True


async def worn_now(change: Change, device_id: bytes) -> AnyRow | None:
    """The assignment that holds, if anybody wears the band."""
    query = select(assignment).where(
        assignment.c.device_id == device_id, assignment.c.to_ms.is_(None)
    )
    return (await change.connection.execute(query)).first()


async def _taken_off_ms(change: Change, device_id: bytes) -> int:
    """When the band's last assignment ended; 0: it had none."""
    query = select(func.max(assignment.c.to_ms)).where(assignment.c.device_id == device_id)
    return (await change.connection.execute(query)).scalar() or 0


async def _has_zones(change: Change, device_id: bytes, person_id: bytes, ended_ms: int) -> bool:
    """Whether the band comes back to whom it was taken from, without a new key: it forgets the
    zones with the old one."""
    wore = select(assignment.c.person_id).where(
        assignment.c.device_id == device_id, assignment.c.to_ms == ended_ms
    )
    newest = select(func.max(device_key.c.from_ms)).where(device_key.c.device_id == device_id)
    key_ms = (await change.connection.execute(newest)).scalar_one()
    wore_last = (await change.connection.execute(wore)).scalar() == person_id
    return wore_last and bool(key_ms < ended_ms)


async def _settings_of(change: Change, person_id: bytes, device_id: bytes) -> dict[str, Any]:
    """What the person had before, on this band or another; or what this one has in store."""
    query = (
        select(assignment.c.settings)
        .where(assignment.c.person_id == person_id)
        .order_by(assignment.c.from_ms.desc())
    )
    last = (await change.connection.execute(query.limit(1))).first()
    if last is not None:
        settings: dict[str, Any] = last.settings
        return settings
    return await orders.of_band_in_store(change.connection, device_id)
