# SPDX-License-Identifier: Apache-2.0
"""Reads the wrapped keys of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from opaska_gateway.database.tables import person

if TYPE_CHECKING:
    from sqlalchemy import Connection

_KEY = select(person.c.wrapped_key).where(person.c.id == bindparam("person"))


def wrapped_key(connection: Connection, person_id: bytes) -> bytes | None:
    """A person's key as it is kept; None = erased."""
    wrapped: bytes | None = connection.execute(_KEY, {"person": person_id}).scalar()
    return wrapped
