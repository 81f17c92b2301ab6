# SPDX-License-Identifier: Apache-2.0
"""Bad input is refused by name, and what a band really sealed is never refused for its content."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from opaska_gateway import clock
from opaska_gateway.batch import Batch
from opaska_gateway.database import tables
from opaska_gateway.refusals import OWN_REASONS, REASONS
from opaska_gateway.steps.verify import verify
from opaska_protocol import cbor, frame, reasons, reports
from opaska_protocol.channel import BandChannel

if TYPE_CHECKING:
    from opaska_gateway.batch import Report
    from tests.support.gateway_core import Core, CoreBand


async def _reasons(heart: Core, band: CoreBand | str, *frames: bytes) -> list[str]:
    batch = Batch([heart.arrival(band, one) for one in frames])
    await verify(batch, heart.context)
    assert len(batch.fresh) + len(batch.refusals) == len(frames)
    return [refusal.reason for refusal in batch.refusals]


async def _report(heart: Core, band: CoreBand, data: bytes) -> Report:
    batch = Batch([heart.arrival(band, data)])
    await verify(batch, heart.context)
    (report,) = batch.fresh
    return report


async def test_a_sealed_alarm_is_verified_and_rings(heart: Core) -> None:
    band = await heart.add_band()
    report = await _report(heart, band, band.sos())
    assert (report.rings, report.alarm_kind) == (True, reports.SOS)
    assert report.id == (band.device_id, 1, 1, 1)


@pytest.mark.parametrize("topic", ["ff" * 8, "00", "", "nohex", "ff" * 9, "\N{DIGIT ONE}"])
async def test_an_unknown_band_is_refused(heart: Core, topic: str) -> None:
    band = await heart.add_band()
    assert await _reasons(heart, topic, band.sos()) == ["unknown_band"]


async def test_a_frame_on_another_bands_topic_is_refused(heart: Core) -> None:
    one, other = await heart.add_band(), await heart.add_band()
    assert await _reasons(heart, other, one.sos()) == ["wrong_topic"]


async def test_a_revoked_band_is_refused_as_soon_as_the_registry_is_looked_at(heart: Core) -> None:
    band = await heart.add_band()
    assert await _reasons(heart, band, band.sos()) == []
    async with heart.database.write() as connection:
        revoked = update(tables.device).values(revoked_ms=clock.now_ms())
        await connection.execute(revoked.where(tables.device.c.id == band.device_id))
    await heart.context.changed_elsewhere()
    assert await _reasons(heart, band, band.sos()) == ["revoked"]


async def test_an_unknown_generation_and_an_expired_key_are_refused(heart: Core) -> None:
    band = await heart.add_band()
    band.generation = 2
    assert await _reasons(heart, band, band.sos()) == ["unknown_generation"]
    band.generation = 1
    async with heart.database.write() as connection:
        ended = update(tables.device_key).values(to_ms=clock.now_ms())
        await connection.execute(ended.where(tables.device_key.c.device_id == band.device_id))
    await heart.context.changed_elsewhere()
    assert await _reasons(heart, band, band.sos()) == ["expired_key"]


async def test_a_damaged_key_in_the_database_is_named_as_such(heart: Core) -> None:
    band = await heart.add_band()
    async with heart.database.write() as connection:
        damaged = update(tables.device_key).values(wrapped=os.urandom(44))
        await connection.execute(damaged.where(tables.device_key.c.device_id == band.device_id))
    await heart.context.changed_elsewhere()
    assert await _reasons(heart, band, band.sos()) == ["unusable_key"]


async def test_a_wrong_key_and_every_single_bit_flip_are_refused(heart: Core) -> None:
    band = await heart.add_band()
    thief = BandChannel(band.kid, 1, os.urandom(16), 1, os.urandom(8))
    body = reports.encode_report(reports.ALARM, {"uptime_ms": 1, "kind": 1})
    assert await _reasons(heart, band, thief.seal(1, body)) == ["bad_tag"]
    good = band.sos()
    flipped = [
        good[:at] + bytes((good[at] ^ (1 << bit),)) + good[at + 1 :]
        for at in range(len(good))
        for bit in range(8)
    ]
    reasons = await _reasons(heart, band, *flipped)
    assert len(reasons) == len(flipped)
    assert set(reasons) <= set(REASONS)


COSE = [b"\xa1\x01\x0a", {}, bytes(8)]


def _frame(items: list[Any]) -> bytes:
    return cbor.encode(items)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (bytes(2_000), "too_large"),
        (b"\x87\x01", "truncated"),
        (b"\x00\x00", "trailing"),
        (b"\x81\x81\x81\x81\x81\x81\x00", "too_deep"),
        (b"\x18\x01", "not_shortest"),
        (b"\x9f\xff", "indefinite"),
        (b"\xc0\x00", "unsupported"),
        (b"\xf9\x00\x00", "unsupported"),
        (b"\xf6", "unsupported"),
        (b"\xa1\x60\x00", "key_not_int"),
        (b"\xa2\x01\x00\x00\x00", "unsorted_keys"),
        (b"\xa2\x01\x00\x01\x00", "duplicate_key"),
        (b"\x61\xff", "bad_utf8"),
        (_frame([]), "not_a_frame"),
        (
            _frame([2, bytes(8), 1, bytes(8), 1, COSE]),
            "wrong_direction",
        ),
        (_frame([1, bytes(7), 1, bytes(8), 1, 1, COSE]), "bad_header"),
        (_frame([1, bytes(8), 1, bytes(8), 1, 1, [b"\xa1\x01\x0b", {}, bytes(8)]]), "bad_cose"),
        (_frame([1, bytes(8), 1, bytes(8), 1, 1, COSE]), "wrong_topic"),
    ],
)
async def test_broken_frames_are_refused_by_name(heart: Core, data: bytes, reason: str) -> None:
    band = await heart.add_band()
    assert await _reasons(heart, band, data) == [reason]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"\x01", "not_a_map"),
        (b"\xa1\x01\x02", "not_a_map"),
        (b"\xa1", "truncated"),
    ],
)
async def test_a_sealed_body_that_is_no_report_is_refused(
    heart: Core, body: bytes, reason: str
) -> None:
    band = await heart.add_band()
    assert await _reasons(heart, band, band.seal_body(body)) == [reason]


@pytest.mark.parametrize(
    ("body", "does_ring"),
    [
        ({0: 3}, True),  # an alarm without a single field
        ({0: 3, 1: -1, 4: "fire", 7: [0]}, True),  # fields that make no sense
        ({0: 63, 99: b"?"}, True),  # a later firmware's alarm
        ({0: 64}, False),
        ({0: 17, 1: 5}, False),
    ],
)
async def test_what_a_band_really_sealed_is_never_refused_for_its_content(
    heart: Core, body: dict[int, Any], does_ring: bool
) -> None:
    band = await heart.add_band()
    report = await _report(heart, band, band.seal_body(cbor.encode(body)))
    assert report.rings is does_ring


async def test_one_bad_frame_does_not_stop_the_others_of_its_batch(heart: Core) -> None:
    band = await heart.add_band()
    batch = Batch([heart.arrival(band, data) for data in (band.sos(), b"\xff", band.heartbeat())])
    await verify(batch, heart.context)
    assert [report.header.seq for report in batch.fresh] == [1, 2]
    assert [refusal.reason for refusal in batch.refusals] == ["indefinite"]


def test_reasons_are_one_closed_set() -> None:
    assert not set(OWN_REASONS) & set(reasons.REASONS)
    assert frame.MAX_FRAME == 1_024
