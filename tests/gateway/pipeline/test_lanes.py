# SPDX-License-Identifier: Apache-2.0
"""Promise 10: one noisy band cannot delay another's alarm, nor fill the gateway's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_gateway import clock, lanes
from opaska_gateway.intake.arrival import Arrival
from opaska_gateway.lanes import (
    MAX_BATCH,
    SLOW_LANE,
    SLOW_PER_BAND,
    SLOW_SHARE,
    TELEMETRY_BURST,
    TELEMETRY_PER_S,
    URGENT_BURST,
    Lanes,
)
from opaska_gateway.pipeline import Pipeline
from opaska_protocol import answers
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import decided, running

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.support.gateway_core import Core

QUIET_BAND, NOISY_BAND = "aa" * 8, "bb" * 8


class Still(Later):
    """A clock that moves only when told."""

    def __init__(self) -> None:
        super().__init__(0)
        self.now_s = 1_000.0

    def monotonic_s(self) -> float:
        return self.now_s


@pytest.fixture
def still() -> Generator[Still]:
    source = Still()
    with clock.driven_by(source):
        yield source


class Ways:
    """Arrivals, and which were given back."""

    def __init__(self) -> None:
        self.lanes = Lanes()
        self.given_back = 0

    def put(self, kid_hex: str, times: int = 1, *, urgent: bool = False) -> None:
        for _ in range(times):
            self.lanes.put(
                Arrival(kid_hex, b"", "mqtt", urgent=urgent, received_ms=0, done=self._done)
            )

    def _done(self) -> None:
        self.given_back += 1


def _kids(batch: list[Arrival]) -> list[str]:
    return [arrival.kid_hex for arrival in batch]


def test_urgent_goes_first_whatever_waits(still: Still) -> None:
    del still
    ways = Ways()
    for number in range(1_000):
        ways.put(f"{number:016x}")
    ways.put(QUIET_BAND, urgent=True)
    batch = ways.lanes.take()
    assert batch[0].kid_hex == QUIET_BAND
    assert len(batch) == MAX_BATCH


def test_the_order_of_a_band_is_kept(still: Still) -> None:
    del still
    ways = Ways()
    for number in range(300):
        arrival = Arrival("aa", b"%d" % number, "", urgent=False, received_ms=0, done=ways._done)
        if number % 20 == 0:
            still_kid = f"{number:016x}"
            arrival.kid_hex = still_kid
        ways.lanes.put(arrival)
    first = [int(arrival.frame) for arrival in ways.lanes.take()]
    assert [n for n in first if n % 20] == sorted(n for n in first if n % 20)


def test_an_outbox_after_an_hour_without_coverage_is_not_noise(still: Still) -> None:
    del still
    ways = Ways()
    ways.put(QUIET_BAND, 60)
    assert ways.given_back == 0
    assert len(ways.lanes.take()) == 60


@pytest.mark.parametrize("urgent", [True, False])
def test_a_noisy_band_goes_behind_all_others(still: Still, urgent: bool) -> None:
    del still
    ways = Ways()
    ways.put(NOISY_BAND, 400, urgent=urgent)
    ways.put(QUIET_BAND, urgent=urgent)
    batch = ways.lanes.take()
    burst = int(URGENT_BURST if urgent else TELEMETRY_BURST)
    assert _kids(batch).index(QUIET_BAND) == burst
    assert ways.given_back == 400 - burst  # it holds no place at the broker


def test_a_noisy_telemetry_does_not_take_a_band_its_sos(still: Still) -> None:
    del still
    ways = Ways()
    ways.put(NOISY_BAND, 1_000)
    ways.put(NOISY_BAND, urgent=True)
    assert ways.lanes.take()[0].urgent


def test_the_slow_lane_moves_even_when_every_batch_is_full(still: Still) -> None:
    del still
    ways = Ways()
    ways.put(NOISY_BAND, int(TELEMETRY_BURST) + 50)
    for number in range(1_000):
        ways.put(f"{number:016x}")
    taken = [_kids(ways.lanes.take()) for _ in range(3)]
    assert [kids[-SLOW_SHARE:].count(NOISY_BAND) for kids in taken] == [SLOW_SHARE] * 3


def test_the_slow_lane_is_bounded_for_each_band_and_in_all(still: Still) -> None:
    del still
    ways = Ways()
    ways.put(NOISY_BAND, int(TELEMETRY_BURST) + SLOW_PER_BAND + 7)
    assert ways.lanes.dropped == 7
    for number in range(2 * SLOW_LANE // SLOW_PER_BAND):
        ways.put(f"{number:016x}", int(TELEMETRY_BURST) + SLOW_PER_BAND)
    slow = len(ways.lanes) - int(TELEMETRY_BURST) * (1 + 2 * SLOW_LANE // SLOW_PER_BAND)
    assert slow == SLOW_LANE


def test_a_band_that_calms_down_is_quick_again(still: Still) -> None:
    ways = Ways()
    ways.put(NOISY_BAND, int(TELEMETRY_BURST) + 1)
    assert ways.given_back == 1
    still.now_s += 1.0
    ways.put(NOISY_BAND, int(TELEMETRY_PER_S))
    assert ways.given_back == 1


def test_invented_kids_do_not_fill_the_memory(
    still: Still, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MAX_BUCKETS", 100)
    ways = Ways()
    for number in range(1_000):
        ways.put(f"{number:016x}")
        assert len(ways.lanes._buckets) <= 100
        if number == 500:
            still.now_s += 3_600


async def test_a_flood_of_one_band_does_not_delay_the_sos_of_another(heart: Core) -> None:
    noisy, quiet = await heart.add_band(), await heart.add_band()
    pipeline = Pipeline(heart.context)
    for _ in range(2_000):
        pipeline.submit(heart.arrival(noisy, noisy.sos()))
    async with running(pipeline):
        await decided(pipeline, [heart.arrival(quiet, quiet.sos())])
        assert quiet.states() == [answers.STORED]
        assert len(noisy.answers) <= MAX_BATCH


def test_what_went_through_the_slow_lane_is_given_back_once(still: Still) -> None:
    ways = Ways()
    ways.put(NOISY_BAND, int(TELEMETRY_BURST) + 5)
    batch = ways.lanes.take()
    for arrival in batch:
        arrival.done()
    assert ways.given_back == len(batch) == int(TELEMETRY_BURST) + 5
