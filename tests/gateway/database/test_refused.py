# SPDX-License-Identifier: Apache-2.0
"""Nothing disappears: refused frames are kept up to a cap, and counted beyond it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from opaska_gateway.database import refused
from opaska_gateway.pipeline import Pipeline
from tests.support.pipeline_runs import bring, decided, running

if TYPE_CHECKING:
    from tests.support.gateway_core import Core

CAP = 20


@pytest.fixture(autouse=True)
def small_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused, "KEPT_PER_DAY", CAP)


async def test_frames_beyond_the_cap_are_counted_by_reason(heart: Core) -> None:
    band = await heart.add_band()
    for _ in range(3):
        await bring(heart, *((band, os.urandom(3) + b"\xff") for _ in range(CAP - 5)))
    kept = await heart.rows("SELECT reason FROM refused_frame")
    counts = await heart.rows("SELECT sum(count) FROM refusal_count")
    assert len(kept) == CAP
    assert counts == [(3 * (CAP - 5),)]


async def test_the_cap_is_each_bands_own(heart: Core) -> None:
    noisy, quiet = await heart.add_band(), await heart.add_band()
    await bring(heart, *((noisy, b"\xff") for _ in range(CAP + 5)), (quiet, b"\xff"))
    assert len(await heart.rows("SELECT id FROM refused_frame")) == CAP + 1


async def test_the_cap_begins_anew_each_day(heart: Core) -> None:
    band = await heart.add_band()
    for day in (1, 2):
        frames = ((band, b"\xff") for _ in range(CAP + 5))
        await bring(heart, *frames, received_ms=day * refused.DAY_MS + 5)
    assert len(await heart.rows("SELECT id FROM refused_frame")) == 2 * CAP
    assert await heart.rows("SELECT count FROM refusal_count") == [(CAP + 5,), (CAP + 5,)]


async def test_all_unknown_bands_share_one_cap(heart: Core) -> None:
    band = await heart.add_band()
    async with running(Pipeline(heart.context)) as pipeline:
        invented = [heart.arrival(os.urandom(8).hex(), band.sos()) for _ in range(CAP + 5)]
        await decided(pipeline, invented)
    assert len(await heart.rows("SELECT id FROM refused_frame")) == CAP
    query = "SELECT organisation_id, band, reason, count FROM refusal_count"
    assert await heart.rows(query) == [(None, bytes(8), "unknown_band", CAP + 5)]


async def test_a_large_frame_is_cut_before_it_is_kept(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, bytes(100_000)))
    assert await heart.rows("SELECT length(frame) FROM refused_frame") == [(1_024,)]
