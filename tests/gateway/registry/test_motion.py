# SPDX-License-Identifier: Apache-2.0
"""Motion belongs to the fall that it names, stays sealed, and is labelled only by a human."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway import desk
from opaska_gateway.care.motion import AFTER, BEFORE
from opaska_gateway.errors import Refused
from opaska_gateway.registry import cases, motion
from opaska_protocol import reports
from opaska_protocol.motion import encode_part
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from opaska_gateway.registry.motion import FallMotion
    from tests.support.gateway_core import Core, CoreBand

WHO = "dispatcher-1"
ROWS = [(round(500 * math.sin(i / 4)) // 16 * 16, 0, 1008) for i in range(BEFORE + AFTER)]


def parts() -> list[bytes]:
    packed: list[bytes] = []
    at = 0
    while at < len(ROWS):
        data, at = encode_part(ROWS.__getitem__, at, len(ROWS), BEFORE)
        packed.append(data)
    return packed


def motion_reports(band: CoreBand, of_seq: int, lost: frozenset[int] = frozenset()) -> list[Any]:
    packed = parts()
    fields = {"uptime_ms": 60_000, "of_seq": of_seq, "parts": len(packed)}
    return [
        (band, band.seal(reports.MOTION, part=part, data=data, **fields))
        for part, data in enumerate(packed)
        if part not in lost
    ]


async def announced(heart: Core, band: CoreBand) -> int:
    """An announced fall; its seq."""
    frame = band.seal(reports.ANNOUNCED_FALL, uptime_ms=30_000, deadline_s=20)
    await bring(heart, (band, frame))
    return band.seq


async def fall(heart: Core, band: CoreBand) -> int:
    """An announced fall that the band raises."""
    seq = await announced(heart, band)
    await bring(heart, (band, band.sos(kind=reports.FALL, uptime_ms=50_000, of_seq=seq)))
    return seq


async def closed(heart: Core, fell: str | None) -> bytes:
    """Close the open case."""
    (case,) = [case for case in await heart.cases() if case.state != "closed"]
    await desk.take(heart.context, case.id, WHO)
    await desk.close(heart.context, case.id, WHO, "helped", None, fell)
    case_id: bytes = case.id
    return case_id


async def labelled(heart: Core) -> list[FallMotion]:
    async with heart.database.read() as connection:
        return await motion.labelled(connection, heart.vault)


async def of_case(heart: Core, case_id: bytes) -> list[FallMotion]:
    async with heart.database.read() as connection:
        return await motion.of_case(connection, heart.vault, case_id)


async def test_what_a_human_says_at_the_end_labels_the_motion_of_the_case(heart: Core) -> None:
    band = await heart.add_band()
    seq = await fall(heart, band)
    arrivals = motion_reports(band, seq)
    random.Random(1).shuffle(arrivals)
    await bring(heart, *arrivals)
    case_id = await closed(heart, "yes")
    (found,) = await labelled(heart)
    assert (found.fell, found.state, found.case_id) == ("yes", "raised", case_id)
    assert found.whose == band.person_id
    assert found.window is not None
    assert list(found.window.rows) == ROWS


async def test_without_a_word_of_a_human_nothing_is_labelled(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, *motion_reports(band, await fall(heart, band)))
    case_id = await closed(heart, None)
    assert await labelled(heart) == []
    assert [one.fell for one in await of_case(heart, case_id)] == [None]


async def test_motion_is_kept_sealed_under_the_wearers_key_and_gone_with_it(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, *motion_reports(band, await fall(heart, band)))
    await closed(heart, "yes")
    kept = [row for row in await heart.events() if row.report_type == reports.MOTION]
    assert {row.body_form for row in kept} == {"person"}
    assert not any(data in row.body for row in kept for data in parts())
    await heart.database.transact(
        lambda connection: connection.exec_driver_sql(
            "UPDATE person SET wrapped_key = NULL, erased_ms = 1"
        ).close()
    )
    (found,) = await labelled(heart)
    assert found.window is None


async def test_motion_rings_nowhere_and_belongs_to_the_fall_that_it_names(heart: Core) -> None:
    band = await heart.add_band()
    first = await announced(heart, band)
    await bring(heart, *motion_reports(band, first))
    assert await heart.cases() == []
    await bring(
        heart,
        (
            band,
            band.seal(reports.FALL_CANCELLED, uptime_ms=9, of_seq=first, reason=reports.BY_HAND),
        ),
    )
    await fall(heart, band)
    case_id = await closed(heart, "yes")
    (raised,) = await of_case(heart, case_id)
    assert raised.window is None, "that motion is of the cancelled fall"


async def test_a_case_says_which_seconds_of_motion_are_missing(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, *motion_reports(band, await fall(heart, band), frozenset((0,))))
    case_id = await closed(heart, "unknown")
    async with heart.database.read() as connection:
        shown = await cases.show(connection, heart.vault, case_id)
    assert shown["fell"] == "unknown"
    (told,) = shown["falls"]
    assert told["motion"] == f"{len(parts()) - 1} of {len(parts())} parts"
    assert told["missing"].startswith("-10.0 to -")


async def test_whether_somebody_fell_stands_in_the_audit_and_must_be_a_known_word(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await fall(heart, band)
    with pytest.raises(Refused, match="yes, no, unknown"):
        await closed(heart, "perhaps")
    (case,) = await heart.cases()
    assert case.state == "taken"
    await desk.close(heart.context, case.id, WHO, "not_needed", None, "no")
    lines = await heart.rows("SELECT to_value FROM audit ORDER BY id")
    assert lines[-1] == ("closed not_needed, fell no",)
