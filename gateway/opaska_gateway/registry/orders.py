# SPDX-License-Identifier: Apache-2.0
"""Orders to a band: its settings, by name. They wait until a heartbeat says they took effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from opaska_gateway.database import orders
from opaska_gateway.database.tables import assignment
from opaska_gateway.errors import Refused
from opaska_gateway.registry.find import BAND, find
from opaska_protocol.body import FLAG
from opaska_protocol.errors import BodyError
from opaska_protocol.orders import SETTINGS, SETTINGS_FIELDS, settings_to_wire

if TYPE_CHECKING:
    from opaska_gateway.registry.change import Change

FLAGS = {"true": True, "false": False}
VERSION = "version"  # of a whole set: not for people to choose


async def set_band(change: Change, text: str, wanted: dict[str, Any]) -> int:
    """Order these settings, together with those the wearer has already; the order's number."""
    band = await find(change.connection, BAND, text)
    if band.revoked_ms is not None:
        raise Refused(f"band {band.label} is revoked; it takes no orders")
    worn = (
        await change.connection.execute(
            select(assignment).where(
                assignment.c.device_id == band.id, assignment.c.to_ms.is_(None)
            )
        )
    ).first()
    settings: dict[str, Any] = {**(worn.settings if worn else {}), **wanted}
    if worn:
        await change.connection.execute(
            update(assignment).where(assignment.c.id == worn.id).values(settings=settings)
        )
    dseq = await orders.add(
        change.connection, band.id, band.organisation_id, SETTINGS, settings_to_wire(settings)
    )
    await change.note(
        "settings_ordered",
        f"device:{band.id.hex()}",
        band.organisation_id,
        to_value=" ".join(f"{name}={value}" for name, value in sorted(wanted.items())),
    )
    return dseq


def parse_settings(words: list[str]) -> dict[str, Any]:
    """["hold_ms=800", "quiet=true"] as values; Refused says what could be written."""
    settings: dict[str, Any] = {}
    for word in words:
        name, _, text = word.partition("=")
        value = None if name == VERSION else _value(name, text)
        try:
            settings_to_wire({name: value})
        except BodyError:
            raise Refused(f"{word} cannot be ordered; write {_choices()}") from None
        settings[name] = value
    if not settings:
        raise Refused(f"nothing to order; write {_choices()}")
    return settings


def _value(name: str, text: str) -> Any:
    if text in FLAGS:
        return FLAGS[text]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _choices() -> str:
    return ", ".join(
        f"{name}=true or false" if check == FLAG else f"{name}={low}..{high}"
        for _, name, check, low, high, _ in SETTINGS_FIELDS
        if name != VERSION
    )
