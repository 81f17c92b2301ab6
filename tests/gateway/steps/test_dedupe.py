# SPDX-License-Identifier: Apache-2.0
"""Promise 3: never two events for one message id, and never another answer for its repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_protocol import answers, reports
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from tests.support.gateway_core import Core


async def test_copies_in_one_batch_are_stored_once_and_answered(heart: Core) -> None:
    band = await heart.add_band()
    sos = band.sos()
    await bring(heart, (band, sos), (band, sos), (band, sos))
    assert len(await heart.events()) == 1
    assert set(band.states()) == {answers.STORED}
    assert len(heart.done) == 3


async def test_another_frame_under_the_same_id_in_one_batch_is_a_clash(heart: Core) -> None:
    band = await heart.add_band()
    first = band.sos()
    second = band.seal(reports.ALARM, seq=1, uptime_ms=1, kind=reports.FALL)
    await bring(heart, (band, first), (band, second))
    (event,) = await heart.events()
    assert event.alarm_kind == reports.SOS
    refused = await heart.rows("SELECT reason, frame FROM refused_frame")
    assert refused == [("id_clash", second)]
    assert len(band.answers) == 1


async def test_the_same_numbers_of_two_bands_boots_or_generations_are_different_reports(
    heart: Core,
) -> None:
    one, other = await heart.add_band(), await heart.add_band()
    frames = [(one, one.sos()), (other, other.sos())]
    one.restart()
    frames.append((one, one.sos()))
    await bring(heart, *frames)
    assert len(await heart.events()) == 3
