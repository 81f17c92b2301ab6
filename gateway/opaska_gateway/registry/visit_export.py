# SPDX-License-Identifier: Apache-2.0
"""Visits as a table for the officer: a line for each, coordinates only of those away from home.

Who takes it is audited, with the reason.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, Final, TextIO
from zoneinfo import ZoneInfo

from sqlalchemy import select

from opaska_gateway.bodies import Bodies
from opaska_gateway.care.services import POLISH
from opaska_gateway.database.homes import time_zone_of
from opaska_gateway.database.tables import event, person
from opaska_gateway.registry import visits
from opaska_gateway.registry.moments import local_text
from opaska_gateway.registry.visit_places import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from opaska_gateway.registry.change import Change

COLUMNS: Final[tuple[str, ...]] = (
    "visit", "state", "carer", "person", "service", "service_name",
    "from", "to", "minutes", "where", "latitude", "longitude", "within_m", "proof",
    "planned_service", "planned_minutes", "test", "marks",
    "said_from", "said_to", "said_carer", "said_service", "withdrawn", "said_by",
    "asked_by", "why",
)  # fmt: skip
UTC = ZoneInfo("UTC")
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def export(
    change: Change, since_ms: int, until_ms: int, why: str, language: str = POLISH
) -> list[dict[str, Any]]:
    """The visits between these times, the latest first; to be written once the change counts."""
    connection = change.connection
    times = since_ms, until_ms, change.at_ms
    lines = await visits.list_all(connection, change.vault, *times, language=language)
    zones = await _zones(change, {line["person_id"] for line in lines})
    away = [line for line in lines if line["where"] == "away"]
    places = await connection.run_sync(_places, Bodies(change.vault), away)
    await change.note("visits_exported", "visits", None, to_value=f"{len(lines)} visits", why=why)
    return [
        _cells(line, zones.get(line["person_id"], UTC)) | places.get(line["visit"], {})
        for line in lines
    ]


def write(rows: Iterable[dict[str, Any]], out: TextIO) -> None:
    """As CSV."""
    writer: csv.DictWriter[str] = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({key: _harmless(cell) for key, cell in row.items()} for row in rows)


def _harmless(cell: Any) -> Any:
    """A spreadsheet takes text that begins so for a formula, and may do what it says."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


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
        "asked_by": said.get("by_hand"),
        "why": "; ".join(dict.fromkeys(one["why"] for one in line["said"])),
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
    connection: Connection, bodies: Bodies, visits: Iterable[dict[str, Any]]
) -> dict[int | str, dict[str, Any]]:
    """Where visits away from home were, by their first touch of which that is known."""
    found: dict[int | str, dict[str, Any]] = {}
    for line in visits:
        touches = connection.execute(
            select(event).where(event.c.id.in_(line["touches"])).order_by(event.c.id)
        )
        for touch in touches.all():
            found[line["visit"]] = found.get(line["visit"]) or place_of(connection, bodies, touch)
    return found
