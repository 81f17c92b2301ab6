# SPDX-License-Identifier: Apache-2.0
"""What a silent band said last, for `care/causes.py`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select

from opaska_gateway.care.causes import DYING, HOUR_MS, WEEKS, Before, Charge, Known
from opaska_gateway.care.silence import RETURNED
from opaska_gateway.database.tables import assignment, event, organisation, place, silence
from opaska_gateway.logs import get_logger
from opaska_gateway.vault import VaultError
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import FAULT, HEARTBEAT, LINK_LOST, WEAR, decode_report

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.bodies import Bodies
    from opaska_gateway.database.silences import Open

NEWEST: Final = 300  # reports that are looked at: a day of heartbeats every five minutes
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS
NOISE: Final = 2  # percent by which a gauge may rise without a charger
TELLING: Final = (HEARTBEAT, FAULT, WEAR)

_NEWEST = (
    select(event)
    .where(event.c.device_id == bindparam("band"), event.c.generation.is_not(None))
    .order_by(event.c.generation.desc(), event.c.boot.desc(), event.c.seq.desc())
    .limit(NEWEST)
)
# A will is sealed when its connection begins, so it stands far behind the newest reports.
_LINK_LOST = select(event.c.id).where(
    event.c.device_id == bindparam("band"),
    event.c.id > bindparam("after"),
    event.c.report_type == LINK_LOST,
)
_BEFORE = select(silence.c.since_ms).where(
    silence.c.device_id == bindparam("band"),
    silence.c.missing_ms >= bindparam("after"),
    silence.c.person_id == bindparam("person"),
    silence.c.state == RETURNED,
    silence.c.outage_id.is_(None),
)
_ZONE = (
    select(func.coalesce(place.c.time_zone, organisation.c.time_zone))
    .select_from(assignment)
    .join(organisation, assignment.c.organisation_id == organisation.c.id)
    .outerjoin(place, assignment.c.place_id == place.c.id)
    .where(assignment.c.id == bindparam("assignment"))
)

log = get_logger()


class Said(NamedTuple):
    """One report of a band."""

    event_id: int
    type: int
    at_ms: int  # when it was said; it may have waited
    fields: dict[str, Any]


def known_of(connection: Connection, bodies: Bodies, one: Open, now_ms: int) -> Known:
    """What its reports and its earlier silences tell."""
    said = _said(connection, bodies, one)
    charges, dying = _charges(said)
    after = {"band": one.device_id, "after": max((each.event_id for each in said), default=0)}
    beats = [each.fields for each in said if each.type == HEARTBEAT]
    zone = ZoneInfo(connection.execute(_ZONE, {"assignment": one.assignment_id}).scalar_one())
    return Known(
        now_ms=now_ms,
        last_word_ms=one.quiet.last_word_ms,
        charges=charges,
        hours_left=beats[-1].get("hours_left") if beats and charges else None,
        dying=dying,
        wear=_wear(said),
        link_lost=connection.execute(_LINK_LOST, after).first() is not None,
        hour=_hour_of_week(one.quiet.since_ms, zone),
        before=_before(connection, one, zone, now_ms),
    )


def _said(connection: Connection, bodies: Bodies, one: Open) -> list[Said]:
    """In the order in which it was said, also on another wrist: a battery knows no wearer."""
    said: list[Said] = []
    for row in connection.execute(_NEWEST, {"band": one.device_id}):
        if row.report_type not in TELLING:
            continue
        id_ = (row.device_id, row.generation, row.boot, row.seq)
        try:
            body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
            fields = decode_report(body or b"").fields
        except (VaultError, ProtocolError) as error:  # costs a hint
            log.debug("report_not_read", event_id=row.id, problem=repr(error))
            continue
        said.append(Said(row.id, row.report_type, row.occurred_ms, fields))
    return said[::-1]


def _charges(said: list[Said]) -> tuple[list[Charge], int | None]:
    """(charge since it was last charged, the code of a dying battery's fault since then)"""
    charges: list[Charge] = []
    dying: int | None = None
    for each in said:
        if each.type == FAULT and each.fields.get("code") in DYING:
            dying = each.fields["code"]
        percent = each.fields.get("battery_percent")
        if each.type != HEARTBEAT or percent is None:
            continue
        if each.fields.get("charging") or (charges and percent > charges[-1].percent + NOISE):
            charges, dying = [], None
        if not each.fields.get("charging"):
            charges.append(Charge(each.at_ms, percent))
    return charges, dying


def _wear(said: list[Said]) -> int | None:
    """As the newest report says that says anything of it."""
    for each in reversed(said):
        state = each.fields.get("state" if each.type == WEAR else "wear")
        if each.type in (WEAR, HEARTBEAT) and state is not None:
            return int(state)
    return None


def _before(connection: Connection, one: Open, zone: ZoneInfo, now_ms: int) -> tuple[Before, ...]:
    wanted = {
        "band": one.device_id,
        "person": one.person_id,
        "after": now_ms - WEEKS * WEEK_MS,
    }
    times_ms = connection.execute(_BEFORE, wanted).scalars()
    return tuple(
        Before(_hour_of_week(then_ms, zone), round((one.quiet.since_ms - then_ms) / DAY_MS))
        for then_ms in times_ms
    )


def _hour_of_week(ms: int, zone: ZoneInfo) -> int:
    local = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
    return local.weekday() * 24 + local.hour
