# SPDX-License-Identifier: Apache-2.0
"""Carers' cards: made known, listed, revoked for ever.

A card belongs to one carer for ever, so that whose a touch was is never a question of when; who
leaves gives the card back, and it is revoked.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from opaska_gateway.care.sdm import KEY_BYTES, UID_BYTES
from opaska_gateway.care.services import POLISH
from opaska_gateway.care.touch import NTAG424, TAG
from opaska_gateway.database.tables import ID_BYTES
from opaska_gateway.database.visit_tables import card, card_reading
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import services
from opaska_gateway.registry.carers import CARER, names
from opaska_gateway.registry.change import new_id
from opaska_gateway.registry.find import Sought, find
from opaska_gateway.registry.moments import home_zone, moment_ms, utc_text
from opaska_gateway.vault import card_keys_purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow, Change
    from opaska_gateway.vault import Vault

CARD = Sought("card", card.c.id, ID_BYTES, "opaska cards list")
KINDS = {NTAG424: "an NTAG 424 DNA, which proves each reading", TAG: "any other tag"}
UID_SIZES = (4, 7, 10)  # bytes, ISO/IEC 14443-3
RANDOM_UID = 0x08  # the first byte of one that is new each time, same standard
KEY_NAMES = ("meta_read_key", "file_read_key")


@dataclass(frozen=True)
class Bundle:
    """What an NTAG 424 DNA is set up with. It leaves the gateway once."""

    uid: str
    meta_read_key: str = field(repr=False)  # hex; SDMMetaRead
    file_read_key: str = field(repr=False)  # hex; SDMFileRead


async def add(
    change: Change,
    carer_text: str,
    uid_text: str,
    kind: str = NTAG424,
    service: int | None = None,
    keys: Mapping[str, Any] | None = None,
) -> Bundle | None:
    """Give a carer a card; what to set it up with, None if it has no keys.

    Without `keys` it gets new ones; those of a card that is set up already are in `keys`."""
    someone = await find(change.connection, CARER, carer_text)
    if someone.wrapped_key is None:
        raise Refused(f"carer {carer_text} was erased; add them anew: opaska carers add")
    uid = parse_uid(uid_text)
    _check(uid, kind, keys)
    if service is not None:
        await services.check(change.connection, someone.organisation_id, service)
    taken = select(card.c.revoked_ms).where(card.c.uid == uid)
    if (row := (await change.connection.execute(taken)).first()) is not None:
        state = "revoked for ever" if row.revoked_ms else "registered already"
        raise Refused(f"card {uid.hex()} is {state}; take another card")
    both = None if kind == TAG else _keys(keys) if keys else os.urandom(2 * KEY_BYTES)
    card_id = new_id()
    await change.connection.execute(
        insert(card).values(
            id=card_id,
            organisation_id=someone.organisation_id,
            carer_id=someone.id,
            uid=uid,
            kind=kind,
            service=service,
            wrapped_keys=both and change.vault.wrap(card_keys_purpose(uid), both),
            created_ms=change.at_ms,
        )
    )
    to_value = f"carer:{someone.id.hex()}"
    await change.note("card_added", _subject(card_id), someone.organisation_id, to_value=to_value)
    if both is None:
        return None
    return Bundle(uid.hex(), both[:KEY_BYTES].hex(), both[KEY_BYTES:].hex())


async def revoke(change: Change, text: str, why: str, since: str | None = None) -> str:
    """Touches from now on count no more, or since it was lost; those from before that come late
    do. Its UID."""
    found = await find_card(change.connection, text)
    if found.revoked_ms is not None:
        raise Refused(f"card {found.uid.hex()} is revoked already")
    since_ms = change.at_ms if since is None else await _lost_ms(change, found, since)
    await change.connection.execute(
        update(card).where(card.c.id == found.id).values(revoked_ms=since_ms)
    )
    to_value = f"since {utc_text(since_ms)}"
    owner = found.organisation_id
    await change.note("card_revoked", _subject(found.id), owner, to_value=to_value, why=why)
    uid: str = found.uid.hex()
    return uid


async def list_all(
    connection: AsyncConnection, vault: Vault, now_ms: int, language: str = POLISH
) -> list[dict[str, Any]]:
    """Every card, whose it is, and its highest reading so far."""
    highest = (
        select(func.max(card_reading.c.counter))
        .where(card_reading.c.uid == card.c.uid)
        .scalar_subquery()
    )
    called, named = await names(connection, vault), await services.catalogue(connection)
    query = select(card, highest.label("counter")).order_by(card.c.created_ms)
    return [
        _line(row, called[row.carer_id])
        | {"service_name": named.name(row.organisation_id, row.service, now_ms, language)}
        for row in await connection.execute(query)
    ]


async def find_card(connection: AsyncConnection, text: str) -> AnyRow:
    """By its UID, or the beginning of its id."""
    digits = _digits(text)
    if re.fullmatch("([0-9a-f]{2})+", digits):
        exact = select(card).where(card.c.uid == bytes.fromhex(digits))
        found = (await connection.execute(exact)).first()
        if found is not None:
            return found
    try:
        return await find(connection, CARD, text)
    except NotFound:
        raise NotFound(f"there is no card {text}; see `{CARD.command}`") from None


async def _lost_ms(change: Change, found: AnyRow, text: str) -> int:
    zone = await home_zone(change.connection, None, found.organisation_id)
    since_ms = moment_ms(text, zone)
    if since_ms > change.at_ms:
        raise Refused("that time is still to come; leave --since out to revoke it now")
    return since_ms


def parse_uid(text: str) -> bytes:
    """As readers print it: 04:DE:5F:1E:AC:C0:40, or without the colons."""
    digits = _digits(text)
    if not re.fullmatch("[0-9a-f]+", digits) or len(digits) not in {2 * n for n in UID_SIZES}:
        raise Refused(f"{text} is no UID of a card; write 8, 14 or 20 hex digits")
    uid = bytes.fromhex(digits)
    if len(uid) == UID_SIZES[0] and uid[0] == RANDOM_UID:
        raise Refused(f"{text} is new each time this card is read; switch its random UID off")
    return uid


def _digits(text: str) -> str:
    return re.sub(r"[\s:.-]", "", text).lower()


def _check(uid: bytes, kind: str, keys: Mapping[str, Any] | None) -> None:
    if kind not in KINDS:
        what = "; ".join(f"{one} is {words}" for one, words in KINDS.items())
        raise Refused(f"{kind} is no kind of card: {what}")
    if kind == NTAG424 and len(uid) != UID_BYTES:
        raise Refused("an NTAG 424 DNA has a UID of 14 hex digits; for others write --kind tag")
    if kind == TAG and keys:
        raise Refused("only an NTAG 424 DNA has keys; leave them out, or --kind tag")


def _keys(keys: Mapping[str, Any]) -> bytes:
    try:
        both = [bytes.fromhex(keys[name]) for name in KEY_NAMES]
    except (KeyError, TypeError, ValueError):
        both = []
    if [len(key) for key in both] != [KEY_BYTES] * 2:
        raise Refused(f"the keys must be {' and '.join(KEY_NAMES)}, 32 hex digits each")
    if not any(both[1]):
        raise Refused("the file_read_key is the factory's, which everybody knows; set up another")
    return b"".join(both)


def _line(row: AnyRow, name: str) -> dict[str, Any]:
    return {
        "id": row.id.hex(),
        "uid": row.uid.hex(),
        "kind": row.kind,
        "service": row.service,
        "carer_id": row.carer_id.hex(),
        "name": name,
        "counter": row.counter,
        "created_ms": row.created_ms,
        "revoked_ms": row.revoked_ms,
    }


def _subject(card_id: bytes) -> str:
    return f"card:{card_id.hex()}"
