# SPDX-License-Identifier: Apache-2.0
"""Carers, cards and plans in a test's database, and the reports that their touches make."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import insert

from opaska_gateway import clock
from opaska_gateway.care.touch import NTAG424, TAG
from opaska_gateway.database import visit_tables as tables
from opaska_gateway.vault import card_keys_purpose, carer_key_purpose
from opaska_protocol.reports import VISIT, VISIT_TEST
from tests.support.cards import Ntag424, new_uid

if TYPE_CHECKING:
    from tests.support.gateway_core import Core, CoreBand

UPTIME_MS = 1_000_000


async def add_card(
    heart: Core, band: CoreBand, card: Ntag424 | bytes, carer_id: bytes | None = None
) -> bytes:
    """Register a card, of a new carer without one; the carer's id."""
    now_ms = clock.now_ms() - 80_000_000
    owned = {"organisation_id": band.organisation_id, "created_ms": now_ms}
    uid = card if isinstance(card, bytes) else card.uid
    keys = None if isinstance(card, bytes) else b"".join(card.keys)
    if carer_id is None:
        carer_id = uuid4().bytes
        key = heart.vault.wrap(carer_key_purpose(carer_id), os.urandom(32))
        row = insert(tables.carer).values(id=carer_id, wrapped_key=key, **owned)
        await heart.database.transact(lambda connection: connection.execute(row).close())
    row = insert(tables.card).values(
        id=uuid4().bytes,
        carer_id=carer_id,
        uid=uid,
        kind=TAG if keys is None else NTAG424,
        wrapped_keys=keys and heart.vault.wrap(card_keys_purpose(uid), keys),
        **owned,
    )
    await heart.database.transact(lambda connection: connection.execute(row).close())
    return carer_id


async def plan(
    heart: Core, band: CoreBand, at_ms: int, carer_id: bytes | None = None, **more: int
) -> None:
    """A visit to the band's wearer."""
    row = insert(tables.planned_visit).values(
        id=uuid4().bytes,
        organisation_id=band.organisation_id,
        person_id=band.person_id,
        carer_id=carer_id,
        at_ms=at_ms,
        said_by="os:tester",
        created_ms=at_ms,
        **{"service": 2, "minutes": 45, **more},
    )
    await heart.database.transact(lambda connection: connection.execute(row).close())


def touch(band: CoreBand, card: Ntag424 | bytes, *, begins: bool = True, **more: Any) -> bytes:
    """The report of a touch; a card that proves its readings is read."""
    fields: dict[str, Any] = {"uptime_ms": UPTIME_MS, "begins": begins, "taps": 1}
    if isinstance(card, bytes):
        fields["card"] = card
    else:
        fields |= {"card": card.uid, "proof": card.read()}
    return band.seal(VISIT, **{**fields, **more})


def self_test(band: CoreBand, of_seq: int, **more: Any) -> bytes:
    """The report of the test at a touch, passed."""
    fields = {"round_trip_ms": 900, "battery_percent": 80, **more}
    passed = {name: value for name, value in fields.items() if value is not None}
    return band.seal(VISIT_TEST, uptime_ms=UPTIME_MS, of_seq=of_seq, **passed)


__all__ = ["Ntag424", "add_card", "new_uid", "plan", "self_test", "touch"]
