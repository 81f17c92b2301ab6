# SPDX-License-Identifier: Apache-2.0
# links/schedule.py: the first minute is dense, and there is no last attempt.

from single import main

from opaska_band.links.schedule import TELEMETRY_ROUND_MS, try_elsewhere, urgent_wait_ms


def times_s(attempts):
    """When the first attempts happen."""
    times = [0]
    for attempt in range(attempts):
        times.append(times[-1] + urgent_wait_ms(attempt) // 1000)
    return times


def test_an_urgent_report_is_tried_six_times_before_the_band_says_not_sent():
    assert times_s(6) == [0, 2, 5, 10, 20, 40, 100]


def test_then_every_minute_for_an_hour_and_every_five_minutes_for_ever():
    assert {urgent_wait_ms(attempt) for attempt in range(5, 65)} == {60_000}
    assert {urgent_wait_ms(attempt) for attempt in (65, 66, 10_000, 10**9)} == {300_000}


def test_two_other_links_are_tried_before_the_band_says_not_sent():
    assert [at for n, at in enumerate(times_s(6)) if try_elsewhere(n)] == [20, 40]
    assert any(try_elsewhere(attempt) for attempt in range(1_000, 1_010))


def test_telemetry_is_repeated_well_within_its_supervision():
    assert TELEMETRY_ROUND_MS <= 3_600_000 // 2


main(globals())
