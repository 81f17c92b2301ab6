# SPDX-License-Identifier: Apache-2.0
"""Promise 5: late is a label. When something happened, told from uptime, arrival and wall time."""

from __future__ import annotations

from opaska_gateway.care.occurred import (
    LATE_MS,
    Anchor,
    Occurred,
    anchor_of,
    anchor_of_wall_time,
    is_late,
    occurred,
)

NOW = 1_800_000_000_000
HOUR = 3_600_000
REGISTERED = NOW - 30 * 24 * HOUR


def test_the_first_report_of_a_boot_happened_at_the_latest_when_it_came() -> None:
    own = anchor_of(NOW, 5_000)
    assert occurred(NOW, own, own, REGISTERED) == Occurred(NOW, None, "arrival")


def test_a_report_that_waited_is_dated_by_one_that_did_not() -> None:
    waited = anchor_of(NOW, 60_000)  # pressed a minute after the boot, which was an hour ago
    live = anchor_of(NOW, HOUR)
    assert live.better_than(waited)
    assert not waited.better_than(live)
    assert occurred(NOW, waited, live, REGISTERED) == Occurred(NOW - HOUR + 60_000, None, "anchor")


def test_a_wall_time_gives_an_error_bound_to_its_report_and_to_its_boot() -> None:
    sure = anchor_of_wall_time(NOW, HOUR, (NOW - 10_000) // 1000, 2, REGISTERED)
    assert occurred(NOW, sure, sure, REGISTERED) == Occurred(NOW - 10_000, 2_500, "band")
    other = anchor_of(NOW, HOUR // 2)
    assert sure.better_than(other)
    then = occurred(NOW, other, sure, REGISTERED)
    assert then.source == "anchor"
    assert then.at_ms == NOW - 10_000 - HOUR // 2
    assert then.error_ms == 2_500 + 900  # 500 ppm of half an hour


def test_a_wall_time_that_cannot_be_right_is_left_aside() -> None:
    """GNSS weeks roll over, networks lie: an alarm must not be dated to another wearer's days."""
    rolled_over_s = (NOW - 1024 * 7 * 24 * HOUR) // 1000
    for unix_s, error_s in [
        (rolled_over_s, 1),
        (NOW // 1000 + 3_600, 1),
        (NOW // 1000, -1),
        (NOW // 1000, 10**9),
        (2**61, 2**61),
        (-5, 0),
    ]:
        own = anchor_of_wall_time(NOW, 5_000, unix_s, error_s, REGISTERED)
        assert own == anchor_of(NOW, 5_000)


def test_nothing_happens_after_it_was_heard_of() -> None:
    fast = Anchor(NOW, 1_000, 0)
    assert occurred(NOW, anchor_of(NOW, 20_000), fast, REGISTERED).at_ms == NOW


def test_a_slow_crystal_does_not_make_live_reports_late() -> None:
    """30 days at 40 ppm are 104 s: without the allowance every report would be called late."""
    best = None
    for day in range(31):
        uptime_ms = day * 24 * HOUR
        received_ms = NOW + uptime_ms + int(uptime_ms * 40e-6)
        own = anchor_of(received_ms, uptime_ms)
        if own.better_than(best):
            best = own
        assert best is not None
        assert occurred(received_ms, own, best, REGISTERED).at_ms == received_ms


def test_late_is_told_from_two_minutes_on() -> None:
    assert not is_late(NOW - LATE_MS, NOW)
    assert is_late(NOW - LATE_MS - 1, NOW)


def test_an_uptime_from_before_the_band_was_registered_tells_nothing() -> None:
    glitch = anchor_of(NOW, (1 << 62) - 1)
    live = anchor_of(NOW, 5_000)
    assert glitch.better_than(live)
    assert occurred(NOW, live, glitch, REGISTERED) == Occurred(NOW, None, "arrival")
