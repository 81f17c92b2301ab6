# SPDX-License-Identifier: Apache-2.0
"""Touches of cards that count not: of each card at each band how often and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opaska_gateway.care.touch import COUNTING, FLOOD
from opaska_gateway.database import visit_book
from opaska_gateway.registry import carers
from opaska_gateway.registry.names import STRANGER

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.vault import Vault


async def list_all(
    connection: AsyncConnection, vault: Vault, since_ms: int, now_ms: int
) -> list[dict[str, Any]]:
    """Those since then, the latest first."""
    book = await connection.run_sync(visit_book.read, since_ms, now_ms, now_ms)
    called = await carers.names(connection, vault)
    lines = [_flood_line(row) for row in book.floods]
    one_by_one: dict[tuple[bytes, bytes, str], dict[str, Any]] = {}
    for row, why in book.refused:
        line = one_by_one.setdefault(
            (row.device_id, row.card, why),
            {
                "label": row.label,
                "card": row.card.hex(),
                "carer": called.get(row.carer_id, STRANGER),
                "why": why,
                "times": 0,
                "first_ms": row.at_ms,
            },
        )
        line["times"] += 1
        line["last_ms"] = row.at_ms
    lines += one_by_one.values()
    return sorted(lines, key=lambda line: line["last_ms"], reverse=True)


def _flood_line(row: Any) -> dict[str, Any]:
    """Of a band that says too much, whatever the cards: a stolen one may think of many."""
    return {
        "label": row.label,
        "card": "",
        "carer": "",
        "why": FLOOD if row.verdict in COUNTING else row.verdict,
        "times": row.times,
        "first_ms": row.first_ms,
        "last_ms": row.last_ms,
    }
