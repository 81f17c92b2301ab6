# SPDX-License-Identifier: Apache-2.0
"""A band that is pulled over the hand with its clasp closed: real drivers and senses, on the
simulated chips, with samples fetched as late as by a processor that sleeps."""

from __future__ import annotations

import pytest

from opaska_tools.wear import judge, whole
from tests.support.requirements import requires_program

pytestmark = requires_program("micropython")

MINUTE_MS = 60_000
PART_ID = b"\xff"  # asked for whenever the light goes on
UNMOVED_S = 15 + 7  # until it looks, as often as it wakes anyway; and until it is sure


@pytest.mark.parametrize("seed", [3, 4, 10])  # of twenty the slowest, when nobody hurried
async def test_band_that_is_pulled_over_the_hand_rings_within_ten_seconds(seed: int) -> None:
    took_s = await whole.pulled(seed, moves=True)
    assert took_s is not None
    assert took_s <= judge.RIGHT_WITHIN_S


async def test_band_that_leaves_an_arm_without_a_movement_rings_soon() -> None:
    took_s = await whole.pulled(5, moves=False)
    assert took_s is not None
    assert took_s <= UNMOVED_S


async def test_band_whose_accelerometer_is_broken_rings_all_the_same() -> None:
    took_s = await whole.pulled(4, moves=True, imu_fault="stuck")
    assert took_s is not None
    assert took_s <= judge.RIGHT_WITHIN_S


async def test_light_is_not_asked_again_and_again_by_a_band_that_lies_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bytes] = []
    async with whole.worn() as (band, clock):
        await clock.run_for(5 * MINUTE_MS)
        await band.strap(touch="air")
        await clock.run_for(MINUTE_MS)
        oximeter = band.circuit.wiring.oximeter
        write = oximeter.write

        def counted(data: bytes) -> bool:
            asked.append(data)
            return write(data)

        monkeypatch.setattr(oximeter, "write", counted)
        await clock.run_for(20 * MINUTE_MS)
    assert asked.count(PART_ID) <= 1, "nothing has moved since"
