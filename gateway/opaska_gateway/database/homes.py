# SPDX-License-Identifier: Apache-2.0
"""Where people live, as far as their days go: the time zone of the home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from opaska_gateway.database.tables import organisation, place

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


def time_zone_of(person_id: Any, organisation_id: Any) -> ColumnElement[str]:
    """Of the newest home; of the organisation when nobody told us of one. Values or columns."""
    home = (
        select(place.c.time_zone)
        .where(place.c.person_id == person_id)
        .order_by(place.c.created_ms.desc())
        .limit(1)
        .scalar_subquery()
    )
    work = select(organisation.c.time_zone).where(organisation.c.id == organisation_id)
    return func.coalesce(home, work.scalar_subquery())
