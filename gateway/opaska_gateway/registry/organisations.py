# SPDX-License-Identifier: Apache-2.0
"""Organisations and the agreement by which one of them answers alarms.

At the first use there is one organisation that looks after its own bands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import insert, or_, select

from opaska_gateway.database.tables import agreement, organisation
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry.accounts import checked_account
from opaska_gateway.registry.change import new_id
from opaska_gateway.registry.find import AGREEMENT, ORGANISATION, find

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import Change

Handling = Literal["console", "external"]

FIRST_NAME = "Opaska"
TIME_ZONE = "Europe/Warsaw"


async def add(
    change: Change,
    name: str,
    time_zone: str = TIME_ZONE,
    default_account: str | None = None,
    handling: Handling = "console",
) -> bytes:
    """Add an organisation that answers its own alarms from now on; its id."""
    if not name.strip():
        raise Refused("an organisation needs a name; write the one that its people know")
    query = select(organisation.c.id).where(organisation.c.name == name)
    if (await change.connection.execute(query)).first():
        raise Refused(f"there is an organisation {name} already; write another name")
    organisation_id = new_id()
    await change.connection.execute(
        insert(organisation).values(
            id=organisation_id,
            name=name,
            time_zone=checked_time_zone(time_zone),
            default_account=checked_account(default_account),
            created_ms=change.at_ms,
        )
    )
    subject = f"organisation:{organisation_id.hex()}"
    await change.note("organisation_added", subject, organisation_id, to_value=name)
    await _agree(change, organisation_id, handling)
    return organisation_id


async def named_or_first(change: Change, text: str | None) -> bytes:
    """The organisation of this name or id; without one the only one, made when there is none."""
    if text is not None:
        found: bytes = (await find(change.connection, ORGANISATION, text)).id
        return found
    ids = (await change.connection.execute(select(organisation.c.id).limit(2))).scalars().all()
    if len(ids) > 1:
        raise Refused(
            "there are several organisations; say which one with --organisation NAME, "
            "see `opaska organisations list`"
        )
    only: bytes = ids[0] if ids else await add(change, FIRST_NAME)
    return only


async def agreement_for(change: Change, organisation_id: bytes, text: str | None) -> bytes:
    """The agreement with this id, in force; without one the organisation's newest in force."""
    if text is None:
        chosen = agreement.c.organisation_id == organisation_id
    else:
        chosen = agreement.c.id == (await find(change.connection, AGREEMENT, text)).id
    query = (
        select(agreement.c.id)
        .where(chosen, agreement.c.from_ms <= change.at_ms)
        .where(or_(agreement.c.to_ms.is_(None), agreement.c.to_ms > change.at_ms))
        .order_by(agreement.c.from_ms.desc())
    )
    newest: bytes | None = (await change.connection.execute(query.limit(1))).scalar()
    if newest is None:
        which = "this organisation has no agreement" if text is None else f"{text} is not"
        raise NotFound(f"{which} in force; name one that is with --agreement ID")
    return newest


async def list_all(connection: AsyncConnection) -> list[dict[str, Any]]:
    """Every agreement with its organisation, oldest first."""
    query = (
        select(
            organisation.c.id,
            organisation.c.name,
            organisation.c.time_zone,
            organisation.c.default_account,
            agreement.c.id.label("agreement_id"),
            agreement.c.handling,
            agreement.c.from_ms,
            agreement.c.to_ms,
        )
        .join_from(organisation, agreement, agreement.c.organisation_id == organisation.c.id)
        .order_by(organisation.c.created_ms, agreement.c.from_ms)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


def checked_time_zone(name: str) -> str:
    """A time zone this machine knows."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(f"{name} is not a time zone; write one like {TIME_ZONE}") from None
    return name


async def _agree(change: Change, organisation_id: bytes, handling: Handling) -> None:
    agreement_id = new_id()
    await change.connection.execute(
        insert(agreement).values(
            id=agreement_id,
            organisation_id=organisation_id,
            handling=handling,
            from_ms=change.at_ms,
            created_ms=change.at_ms,
        )
    )
    subject = f"agreement:{agreement_id.hex()}"
    await change.note("agreement_added", subject, organisation_id, to_value=handling)
