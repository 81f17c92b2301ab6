# SPDX-License-Identifier: Apache-2.0
"""Visits as a table for the officer: a line for each, coordinates only of those away from home.

Who takes it is audited, with the reason.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, Final, TextIO
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select

from opaska_gateway.bodies import Bodies
from opaska_gateway.database.homes import time_zone_of
from opaska_gateway.database.tables import event, person
from opaska_gateway.registry import visits
from opaska_gateway.registry.moments import local_text
from opaska_gateway.vault import VaultError
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import FIX_FOR_VISIT, POSITION, decode_report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from opaska_gateway.registry.change import Change

COLUMNS: Final[tuple[str, ...]] = (
    "visit", "state", "carer", "person", "service",
    "from", "to", "minutes", "where", "latitude", "longitude", "within_m", "proof",
    "planned_service", "planned_minutes", "test", "marks",
    "said_from", "said_to", "said_carer", "said_service", "withdrawn", "said_by",
)  # fmt: skip
UTC = ZoneInfo("UTC")
_E7 = 10_000_000
_SOON = 40  # reports after a touch among which its position is looked for


async def export(change: Change, since_ms: int, until_ms: int, why: str, out: TextIO) -> int:
    """Write the visits between these times as CSV, the latest first; how many that are."""
    connection = change.connection
    lines = await visits.list_all(connection, change.vault, since_ms, until_ms, change.at_ms)
    zones = await _zones(change, {line["person_id"] for line in lines})
    away = [line["visit"] for line in lines if line["where"] == "away"]
    places = await connection.run_sync(_places, Bodies(change.vault), away)
    writer: csv.DictWriter[str] = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for line in lines:
        zone = zones.get(line["person_id"], UTC)
        writer.writerow(_cells(line, zone) | places.get(line["visit"], {}))
    await change.note("visits_exported", "visits", None, to_value=f"{len(lines)} visits", why=why)
    return len(lines)


def _cells(line: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    said = {one["what"]: one["is"] for one in line["said"]}  # the last of each
    planned: dict[str, Any] = line["planned"] or {}
    return line | {
        "from": _time(line["from_ms"], zone),
        "to": _time(line["to_ms"], zone),
        "marks": " ".join(line["marks"]),
        "planned_service": planned.get("service"),
        "planned_minutes": planned.get("minutes"),
        "said_from": _time(said.get("from"), zone),
        "said_to": _time(said.get("to"), zone),
        "said_carer": said.get("carer"),
        "said_service": said.get("service"),
        "withdrawn": "yes" if said.get("withdrawn") else "",
        "said_by": " ".join(dict.fromkeys(one["by"] for one in line["said"])),
    }


def _time(ms: int | None, zone: ZoneInfo) -> str:
    return "" if ms is None else local_text(ms, zone)


async def _zones(change: Change, people: set[str | None]) -> dict[str, ZoneInfo]:
    ids = [bytes.fromhex(one) for one in people if one]
    found: dict[str, ZoneInfo] = {}
    home = time_zone_of(person.c.id, person.c.organisation_id)
    for start in range(0, len(ids), 500):
        query = select(person.c.id, home).where(person.c.id.in_(ids[start : start + 500]))
        rows = await change.connection.execute(query)
        found |= {id_.hex(): ZoneInfo(name) for id_, name in rows}
    return found


def _places(
    connection: Connection, bodies: Bodies, touches: Iterable[int]
) -> dict[int, dict[str, Any]]:
    """Where visits away from home began."""
    found: dict[int, dict[str, Any]] = {}
    for number in touches:
        touch = connection.execute(select(event).where(event.c.id == number)).one()
        for row in connection.execute(_positions_after(touch)):
            place = _place(connection, bodies, row, touch)
            if place:
                found[number] = place
                break
    return found


def _positions_after(touch: Any) -> Any:
    """A band may have started again before it had a fix."""
    soon = touch.seq + _SOON
    same_boot = and_(event.c.boot == touch.boot, event.c.seq.between(touch.seq, soon))
    next_boot = and_(event.c.boot == touch.boot + 1, event.c.seq <= _SOON)
    return (
        select(event)
        .where(
            event.c.device_id == touch.device_id,
            event.c.generation == touch.generation,
            or_(same_boot, next_boot),
            event.c.report_type == POSITION,
        )
        .order_by(event.c.boot, event.c.seq)
    )


def _place(connection: Connection, bodies: Bodies, row: Any, touch: Any) -> dict[str, Any]:
    id_ = (row.device_id, row.generation, row.boot, row.seq)
    try:
        body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
        fields = decode_report(body).fields if body else {}
    except (VaultError, ProtocolError):
        return {}
    of_boot = fields.get("of_boot", row.boot)
    position = fields.get("position")
    is_its = (fields.get("why"), of_boot, fields.get("of_seq")) == (
        FIX_FOR_VISIT,
        touch.boot,
        touch.seq,
    )
    if not is_its or not position or len(position) != 4:
        return {}
    latitude, longitude, within_m, _ = position
    return {"latitude": latitude / _E7, "longitude": longitude / _E7, "within_m": within_m}
