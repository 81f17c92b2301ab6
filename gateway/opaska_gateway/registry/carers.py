# SPDX-License-Identifier: Apache-2.0
"""Carers: who visits wearers. Added, shown, and erased by destroying the key to their facts.

Cards are all that a band knows of a carer; an erased carer's visits stay, without a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from opaska_gateway.database.tables import ID_BYTES
from opaska_gateway.database.visit_tables import card, carer
from opaska_gateway.errors import Refused
from opaska_gateway.registry.change import new_id
from opaska_gateway.registry.find import Sought, find
from opaska_gateway.registry.organisations import named_or_first
from opaska_gateway.registry.sealed import UNREADABLE, open_facts, seal_facts
from opaska_gateway.vault import VaultError, carer_key_purpose, new_person_key

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow, Change
    from opaska_gateway.vault import Vault

CARER = Sought("carer", carer.c.id, ID_BYTES, "opaska carers list")
SEALED = "carer.sealed"


async def add(change: Change, facts: dict[str, str], organisation: str | None = None) -> bytes:
    """Add a carer with these facts ("name", "phone"); the carer's id."""
    if not facts.get("name", "").strip():
        raise Refused("a carer needs a name; whoever reads the visits will ask for it")
    owner = await named_or_first(change, organisation)
    carer_id, key = new_id(), new_person_key()
    await change.connection.execute(
        insert(carer).values(
            id=carer_id,
            organisation_id=owner,
            wrapped_key=change.vault.wrap(carer_key_purpose(carer_id), key),
            sealed=seal_facts(key, SEALED, carer_id, facts),
            created_ms=change.at_ms,
        )
    )
    await change.note("carer_added", _subject(carer_id), owner)
    return carer_id


async def erase(change: Change, text: str, why: str) -> bytes:
    """Destroy the carer's key and revoke their cards; visits and the audit stay. The id."""
    someone = await find(change.connection, CARER, text)
    if someone.wrapped_key is None:
        raise Refused(f"carer {text} is erased already")
    await change.connection.execute(
        update(card)
        .where(card.c.carer_id == someone.id, card.c.revoked_ms.is_(None))
        .values(revoked_ms=change.at_ms)
    )
    await change.connection.execute(
        update(carer)
        .where(carer.c.id == someone.id)
        .values(wrapped_key=None, sealed=None, erased_ms=change.at_ms)
    )
    await change.note("carer_erased", _subject(someone.id), someone.organisation_id, why=why)
    erased: bytes = someone.id
    return erased


async def list_all(connection: AsyncConnection, vault: Vault) -> list[dict[str, Any]]:
    """Everybody who is not erased, with the cards that count, in the order they were added."""
    present = select(carer).where(carer.c.wrapped_key.is_not(None)).order_by(carer.c.created_ms)
    carers = (await connection.execute(present)).all()
    good = select(card.c.carer_id, card.c.uid).where(card.c.revoked_ms.is_(None))
    held: dict[bytes, list[str]] = {}
    for carer_id, uid in await connection.execute(good.order_by(card.c.created_ms)):
        held.setdefault(carer_id, []).append(uid.hex())
    return [
        {"id": row.id.hex(), **_listed(vault, row), "cards": held.get(row.id, [])}
        for row in carers
    ]


async def names(connection: AsyncConnection, vault: Vault) -> dict[bytes, str]:
    """Of all carers, by id; "erased" for those who are."""
    rows = await connection.execute(select(carer))
    return {row.id: _listed(vault, row).get("name", "erased") for row in rows}


def _listed(vault: Vault, someone: AnyRow) -> dict[str, str]:
    try:
        return facts_of(vault, someone)
    except VaultError:  # one broken row must not hide everybody's
        return {"name": UNREADABLE}


def facts_of(vault: Vault, someone: AnyRow) -> dict[str, str]:
    """What we know of a carer; nothing of an erased one."""
    if someone.wrapped_key is None:
        return {}
    key = vault.unwrap(carer_key_purpose(someone.id), someone.wrapped_key)
    return open_facts(key, SEALED, someone.id, someone.sealed)


def _subject(carer_id: bytes) -> str:
    return f"carer:{carer_id.hex()}"
