# SPDX-License-Identifier: Apache-2.0
"""Keeps refused frames: the first ones of each band and day whole, all of them counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from opaska_gateway.database.tables import refusal_count, refused_frame
from opaska_gateway.refusals import UNKNOWN_BANDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from opaska_gateway.batch import Refusal

KEPT_PER_DAY: Final = 1_000  # frames of one band (or of all unknown ones) and day, DESIGN 5
KEPT_BYTES: Final = 1_024  # of each: the largest frame that could have been right
DAY_MS: Final = 86_400_000

_KEPT = (
    select(func.count())
    .select_from(refused_frame)
    .where(refused_frame.c.band == bindparam("band"), refused_frame.c.day == bindparam("day"))
)


def keep_refused(connection: Connection, refusals: Sequence[Refusal]) -> None:
    """Keep and count them."""
    if not refusals:
        return
    rows = [_row(refusal) for refusal in refusals]
    _count(connection, rows)
    room = {
        (band, day): KEPT_PER_DAY
        - int(connection.execute(_KEPT, {"band": band, "day": day}).scalar() or 0)
        for band, day in {(row["band"], row["day"]) for row in rows}
    }
    kept: list[dict[str, Any]] = []
    for row in rows:
        key = (row["band"], row["day"])
        if room[key] > 0:
            room[key] -= 1
            kept.append(row)
    if kept:
        connection.execute(insert(refused_frame), kept)


def _count(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    keys = Counter(
        (row["organisation_id"], row["band"], row["day"], row["reason"]) for row in rows
    )
    names = ("organisation_id", "band", "day", "reason")
    counts = [
        {**dict(zip(names, key, strict=True)), "count": count} for key, count in keys.items()
    ]
    connection.execute(_ADD[connection.dialect.name], counts)


def _row(refusal: Refusal) -> dict[str, Any]:
    arrival, band = refusal.arrival, refusal.band
    return {
        "organisation_id": band.organisation_id if band else None,
        "band": band.kid if band else UNKNOWN_BANDS,
        "day": arrival.received_ms // DAY_MS,
        "reason": refusal.reason,
        "way": arrival.way,
        "received_ms": arrival.received_ms,
        "frame": arrival.frame[:KEPT_BYTES],
    }


def _adding(dialect: Any) -> Any:
    statement = dialect.insert(refusal_count)
    return statement.on_conflict_do_update(
        index_elements=["band", "day", "reason"],
        set_={"count": refusal_count.c.count + statement.excluded.count},
    )


_ADD = {"sqlite": _adding(sqlite), "postgresql": _adding(postgresql)}
