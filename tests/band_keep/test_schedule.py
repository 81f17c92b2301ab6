# SPDX-License-Identifier: Apache-2.0
"""links/schedule.py: the first minute is dense, and there is no last attempt."""

from itertools import accumulate

from opaska_band.links.schedule import TELEMETRY_ROUND_MS, try_elsewhere, urgent_wait_ms


def test_an_urgent_report_is_tried_six_times_before_the_band_says_not_sent() -> None:
    times_s = [0, *accumulate(urgent_wait_ms(attempt) // 1000 for attempt in range(6))]
    assert times_s == [0, 2, 5, 10, 20, 40, 100]


def test_then_every_minute_for_an_hour_and_every_five_minutes_for_ever() -> None:
    assert {urgent_wait_ms(attempt) for attempt in range(5, 65)} == {60_000}
    assert {urgent_wait_ms(attempt) for attempt in (65, 66, 10_000, 10**9)} == {300_000}


def test_two_other_links_are_tried_before_the_band_says_not_sent() -> None:
    times_s = [0, *accumulate(urgent_wait_ms(attempt) // 1000 for attempt in range(6))]
    assert [at for attempt, at in enumerate(times_s) if try_elsewhere(attempt)] == [20, 40]
    assert any(try_elsewhere(attempt) for attempt in range(1_000, 1_010))


def test_telemetry_is_repeated_well_within_its_supervision() -> None:
    assert TELEMETRY_ROUND_MS <= 3_600_000 // 2
