# SPDX-License-Identifier: Apache-2.0
"""What has come of the motion around announced falls, with what a human said of their cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, func, select

from opaska_gateway.bodies import Bodies
from opaska_gateway.care.motion import assemble, missing_words
from opaska_gateway.database.tables import announced_fall, event, fall_label
from opaska_gateway.vault import VaultError
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import MOTION, decode_report

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.care.motion import Window
    from opaska_gateway.registry.change import AnyRow
    from opaska_gateway.vault import Vault

_announcement, _end = event.alias("announcement"), event.alias("ending")
_case_id = func.coalesce(_end.c.case_id, _announcement.c.case_id)
_whose = func.coalesce(_announcement.c.person_id, _end.c.person_id, announced_fall.c.device_id)
_FALLS: Final = (
    select(announced_fall, _case_id.label("case_id"), _whose.label("whose"), fall_label.c.fell)
    .select_from(announced_fall)
    .outerjoin(_announcement, announced_fall.c.event_id == _announcement.c.id)
    .outerjoin(_end, announced_fall.c.settled_by_event_id == _end.c.id)
    .outerjoin(fall_label, fall_label.c.case_id == _case_id)
    .order_by(announced_fall.c.id)
)
_SAME_BOOT: Final = ("device_id", "generation", "boot")


@dataclass(frozen=True, slots=True)
class FallMotion:
    """One announced fall."""

    whose: bytes  # the wearer's id, or the band's if nobody wore it
    case_id: bytes | None
    state: str  # care/fall.py
    announced_ms: int | None
    fell: str | None  # care/case.py; None = nobody has said
    window: Window | None

    def shown(self) -> dict[str, Any]:
        """For people."""
        window = self.window
        return {
            "announced_ms": self.announced_ms,
            "state": self.state,
            "motion": f"{window.parts} of {window.of_parts} parts" if window else "none",
            "missing": missing_words(window) if window else "",
        }


async def of_case(connection: AsyncConnection, vault: Vault, case_id: bytes) -> list[FallMotion]:
    """Every fall whose alarm, or else whose announcement, is in this case."""
    return await connection.run_sync(_read, vault, _case_id == case_id)


async def labelled(connection: AsyncConnection, vault: Vault) -> list[FallMotion]:
    """Every fall in a case of which a human said whether somebody fell, in order."""
    return await connection.run_sync(_read, vault, fall_label.c.fell.is_not(None))


def _read(connection: Connection, vault: Vault, which: ColumnElement[bool]) -> list[FallMotion]:
    bodies = Bodies(vault)
    return [
        FallMotion(
            row.whose,
            row.case_id,
            row.state,
            row.announced_ms,
            row.fell,
            _window(connection, bodies, row),
        )
        for row in connection.execute(_FALLS.where(which)).all()
    ]


def _window(connection: Connection, bodies: Bodies, fall: AnyRow) -> Window | None:
    """From the motion reports of the same boot that name the announcement."""
    same_boot = and_(*(event.c[name] == getattr(fall, name) for name in _SAME_BOOT))
    query = select(event).where(same_boot, event.c.report_type == MOTION)
    parts: dict[int, bytes] = {}
    of_parts = 0
    for row in connection.execute(query):
        fields = _fields(connection, bodies, row)
        if fields.get("of_seq") == fall.seq and fields.keys() >= {"part", "parts", "data"}:
            parts[fields["part"]] = fields["data"]
            of_parts = max(of_parts, fields["parts"])
    return assemble(parts, of_parts)


def _fields(connection: Connection, bodies: Bodies, row: AnyRow) -> dict[str, Any]:
    """Nothing of a report that cannot be opened: its wearer may have been erased."""
    id_ = (row.device_id, row.generation, row.boot, row.seq)
    try:
        body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
        return decode_report(body).fields if body else {}
    except (VaultError, ProtocolError):
        return {}
