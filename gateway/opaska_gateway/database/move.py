# SPDX-License-Identifier: Apache-2.0
"""Copies a whole database into an empty one of another kind, row by row and under the same ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, insert, select, update

from opaska_gateway.database.tables import care_case, metadata
from opaska_gateway.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

AT_ONCE: Final = 1_000  # rows in memory
_LINK: Final = (
    update(care_case)
    .where(care_case.c.id == bindparam("this"))
    .values(previous_id=bindparam("previous"))
)


async def copy_all(source: AsyncConnection, target: AsyncConnection) -> int:
    """Every row of every table, and where counting goes on; how many rows."""
    for table in metadata.sorted_tables:
        if (await target.execute(select(table).limit(1))).first() is not None:
            raise Refused(f"the other database is not empty ({table.name}); make a new one")
    copied = 0
    for table in metadata.sorted_tables:
        copied += await _copy(source, target, table)
        await _count_on(target, table)
    links = select(care_case.c.id.label("this"), care_case.c.previous_id.label("previous"))
    found = await source.execute(links.where(care_case.c.previous_id.is_not(None)))
    if linked := [dict(row) for row in found.mappings()]:
        await target.execute(_LINK, linked)
    return copied


async def _copy(source: AsyncConnection, target: AsyncConnection, table: Table) -> int:
    copied = 0
    rows = await source.stream(select(table).order_by(*table.primary_key.columns))
    async for some in rows.mappings().partitions(AT_ONCE):
        values = [dict(row) for row in some]
        if table is care_case:  # one may name another that comes after it
            values = [row | {"previous_id": None} for row in values]
        await target.execute(insert(table), values)
        copied += len(values)
    return copied


async def _count_on(target: AsyncConnection, table: Table) -> None:
    """The next new row gets a number that no row has."""
    number = table.autoincrement_column
    if number is None:
        return
    last = (await target.execute(select(func.max(number)))).scalar()
    if last is not None:
        sequence = func.pg_get_serial_sequence(table.name, number.name)
        await target.execute(select(func.setval(sequence, last)))
