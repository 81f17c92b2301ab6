# SPDX-License-Identifier: Apache-2.0
"""Touches of carers' cards for tests of the rules about visits, told in minutes."""

from __future__ import annotations

from itertools import count
from typing import Any

from opaska_gateway.care.visit import Message, Touch

MINUTE = 60_000
NOON = 1_900_000_000_000
ANNA, BEATA = b"anna", b"beata"  # carers, and their cards
MARIA, JAN = b"maria", b"jan"  # wearers
_numbers = count(1)


def message(seq: int, band: bytes = b"band", boot: int = 1) -> Message:
    return band, 1, boot, seq


def touch(
    minute: float,
    begins: bool,
    carer: bytes | None = ANNA,
    wearer: bytes | None = MARIA,
    band: bytes = b"band",
    **more: Any,
) -> Touch:
    number = next(_numbers)
    fields: dict[str, Any] = {
        "event_id": number,
        "message": message(number, band),
        "person_id": wearer,
        "card": carer or b"stranger",
        "carer_id": carer,
        "begins": begins,
        "of": None,
        "taps": 1,
        "service": None,
        "counter": None,
        "at_ms": NOON + round(minute * MINUTE),
        "error_ms": 500,
    }
    return Touch(**{**fields, **more})


def begin(minute: float, carer: bytes | None = ANNA, **more: Any) -> Touch:
    return touch(minute, True, carer, **more)


def end(minute: float, carer: bytes | None = ANNA, **more: Any) -> Touch:
    return touch(minute, False, carer, **more)
