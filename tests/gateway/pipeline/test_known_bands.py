# SPDX-License-Identifier: Apache-2.0
"""Bands are known before they speak: after a start or a change no report pays for looking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_gateway import bands as known
from opaska_gateway.pipeline import Pipeline
from opaska_protocol.answers import STORED
from tests.support.pipeline_runs import decided, running

if TYPE_CHECKING:
    from tests.support.gateway_core import Core, CoreBand


async def _all_are_stored(heart: Core, bands: list[CoreBand]) -> None:
    async with running(Pipeline(heart.context)) as pipeline:
        await decided(pipeline, [heart.arrival(band, band.sos()) for band in bands])
    assert [band.states() for band in bands] == [[STORED]] * len(bands)


async def test_after_a_change_the_first_report_needs_no_look_at_the_registry(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    bands = [await heart.add_band() for _ in range(3)]
    monkeypatch.setattr(known, "AT_ONCE", 2)
    await heart.context.changed_elsewhere()
    monkeypatch.setattr(known, "load_bands", _no_look)
    await _all_are_stored(heart, bands)
    heart.context.bands.forget()
    with pytest.raises(AssertionError):
        await heart.context.bands.fetch({bands[0].kid})


async def test_more_bands_than_are_kept_are_all_heard(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    bands = [await heart.add_band() for _ in range(5)]
    monkeypatch.setattr(known, "MAX_BANDS", 2)
    await heart.context.bands.warm()
    await _all_are_stored(heart, bands)


def _no_look(*_: object) -> None:
    raise AssertionError
