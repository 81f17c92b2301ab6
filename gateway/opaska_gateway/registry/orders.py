# SPDX-License-Identifier: Apache-2.0
"""Orders to a band: to do something, in the audit with a reason; and its settings, by name, as a
whole set that fits together.

Settings belong to the wearer: a new assignment takes over what the person had before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select, update

from opaska_gateway import order_arguments
from opaska_gateway.database import band_settings
from opaska_gateway.database import orders as rows
from opaska_gateway.database.home_time import OFFSET
from opaska_gateway.database.tables import assignment
from opaska_gateway.errors import Refused
from opaska_gateway.registry.find import BAND, find
from opaska_protocol.errors import BodyError
from opaska_protocol.orders import settings_fields, settings_to_wire, whole_settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow, Change

FLAGS: Final = {"true": True, "false": False}
DEFAULT: Final = "default"  # NAME=default: as the band is made
CLASHES: Final = {  # by the field that BodyError names
    "hr_low hr_high": "hr_low must be below hr_high",
    "pulse_minutes": "hr_low, hr_high and spo2_low need a pulse: pulse_minutes above 0",
    "awake_to": "awake_from must be before awake_to",
    "inactive_hours": "inactive_hours must fit between awake_from and awake_to, "
    "or it could never ring",
}
_VERSION, *_FIELDS = settings_fields()  # the version of a set is not for people to choose


class Ordered(NamedTuple):
    """What a band was told: a version of its settings, by an order of this number."""

    version: int
    dseq: int


async def give(
    change: Change, text: str, kind: int, arguments: dict[int, Any], what: str, why: str
) -> int:
    """Order this of a band; the order's number. `what`: as the audit says it."""
    band = await _obedient(change, text)
    kept = order_arguments.kept(change.vault, band.kid, kind, arguments)
    dseq = await change.connection.run_sync(rows.add, band.id, band.organisation_id, kind, kept)
    await change.note(
        what, f"device:{band.id.hex()}", band.organisation_id, to_value=f"order {dseq}", why=why
    )
    return dseq


async def set_band(change: Change, text: str, wanted: dict[str, Any]) -> Ordered:
    """Order these settings, None for a default, with those that it has to have already."""
    band = await _obedient(change, text)
    worn = await _worn(change.connection, band.id)
    if worn and OFFSET in wanted:
        raise Refused(f"{OFFSET} is that of the wearer's home, and ordered by the gateway itself")
    had = worn.settings if worn else await of_band_in_store(change.connection, band.id)
    settings = {name: value for name, value in {**had, **wanted}.items() if value is not None}
    _check_together(settings)
    if worn:
        await change.connection.execute(
            update(assignment).where(assignment.c.id == worn.id).values(settings=settings)
        )
    return await order(change, band, settings, wanted)


async def order(
    change: Change, band: AnyRow, settings: dict[str, Any], changed: dict[str, Any]
) -> Ordered:
    """Order this whole set, in which this was changed."""
    ordered = Ordered(
        *await change.connection.run_sync(
            band_settings.want, band.id, band.organisation_id, settings
        )
    )
    await change.note(
        "settings_ordered",
        f"device:{band.id.hex()}",
        band.organisation_id,
        to_value=" ".join(
            f"{name}={DEFAULT if value is None else value}"
            for name, value in sorted({**changed, _VERSION[1]: ordered.version}.items())
        ),
    )
    return ordered


async def hand_over(change: Change, band: AnyRow, settings: dict[str, Any]) -> None:
    """The band has another wearer, whose settings are these: order what it is not to have yet."""
    found = await change.connection.run_sync(band_settings.known, band.id)
    if settings != (found.desired.settings if found.desired else {}):
        await order(change, band, settings, settings)


async def of_band_in_store(connection: AsyncConnection, device_id: bytes) -> dict[str, Any]:
    """What the band was given since it was last taken off: for its next wearer."""
    taken_off = select(func.max(assignment.c.to_ms)).where(assignment.c.device_id == device_id)
    since_ms = (await connection.execute(taken_off)).scalar() or 0
    desired = (await connection.run_sync(band_settings.known, device_id)).desired
    return (desired.settings or {}) if desired and desired.created_ms > since_ms else {}


async def shown(connection: AsyncConnection, text: str) -> dict[str, Any]:
    """Desired and reported, by setting; of a version that nobody knows the reported are None."""
    band = await find(connection, BAND, text)
    desired, reported, _ = await connection.run_sync(band_settings.known, band.id)
    wanted = (desired.settings or {}) if desired else {}
    in_force = reported.settings if reported else None
    return {
        "label": band.label,
        "kid": band.kid.hex(),
        "desired_version": desired.version if desired else 0,
        "ordered_ms": desired.ordered_ms if desired else None,
        "orders": desired.orders if desired else 0,
        "reported_version": reported.version if reported else None,
        "reported_ms": reported.reported_ms if reported else None,
        "settings": [
            {
                "name": name,
                "desired": wanted.get(name, default),
                "reported": None if in_force is None else in_force.get(name, default),
                "default": default,
                "range": _range(low, high, default),
            }
            for _, name, low, high, default in _FIELDS
        ],
    }


def parse_settings(words: list[str]) -> dict[str, Any]:
    """["hold_ms=800", "quiet=default"] as values, None for a default; Refused says the range."""
    ranges = {name: _range(low, high, default) for _, name, low, high, default in _FIELDS}
    settings: dict[str, Any] = {}
    for word in words:
        name, _, text = word.partition("=")
        if name not in ranges:
            raise Refused(f"there is no setting {name}; write {_choices(ranges)}")
        settings[name] = None if text == DEFAULT else _value(text)
        try:
            settings_to_wire({name: settings[name]} if text != DEFAULT else {})
        except BodyError:
            raise Refused(
                f"{word} cannot be ordered; write {name}={ranges[name]}, or {name}={DEFAULT}"
            ) from None
    if not settings:
        raise Refused(f"nothing to order; write {_choices(ranges)}")
    return settings


async def _obedient(change: Change, text: str) -> AnyRow:
    band = await find(change.connection, BAND, text)
    if band.revoked_ms is not None:
        raise Refused(f"band {band.label} is revoked; it takes no orders")
    return band


def _check_together(settings: dict[str, Any]) -> None:
    try:
        whole_settings(settings)
    except BodyError as error:
        raise Refused(f"{CLASHES[error.field]}; nothing was ordered") from None


def _value(text: str) -> Any:
    if text in FLAGS:
        return FLAGS[text]
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def _range(low: int, high: int, default: int | bool) -> str:
    return "true or false" if isinstance(default, bool) else f"{low}..{high}"


def _choices(ranges: dict[str, str]) -> str:
    return ", ".join(f"{name}={range_}" for name, range_ in ranges.items())


async def _worn(connection: AsyncConnection, device_id: bytes) -> AnyRow | None:
    query = select(assignment).where(
        assignment.c.device_id == device_id, assignment.c.to_ms.is_(None)
    )
    return (await connection.execute(query)).first()
