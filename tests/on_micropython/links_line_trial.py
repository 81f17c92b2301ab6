# SPDX-License-Identifier: Apache-2.0
# links/line_trial.py: how many starts in a row may end in their first call over a shared line.

from flash_device import Nvs, Power
from single import main

from opaska_band.links import line_trial as module
from opaska_band.links.line_trial import LineTrial

MINUTE_MS = 60_000


class Clock:
    """In place of `time`."""

    now_ms = 0

    def ticks_ms(self):
        return self.now_ms

    def ticks_diff(self, end, start):
        return end - start


module.time = clock = Clock()


def life(kept, minutes, is_forgiven=False):
    """One start, with a call at once and another after five minutes; whether it shared a line."""
    trial = LineTrial(Nvs(kept, Power()), is_forgiven)
    for minute in range(minutes):
        if minute % 5 == 0 and not trial.is_lost:
            trial.begin()
        clock.now_ms += MINUTE_MS
        trial.look()
    return not trial.is_lost


def test_three_starts_that_end_in_their_first_call_are_enough():
    kept = {}
    assert [life(kept, 1) for _ in range(5)] == [True, True, True, False, False]
    assert [life(kept, 1, is_forgiven=True), life(kept, 60), life(kept, 1)] == [True] * 3


def test_a_start_that_outlives_its_first_call_makes_good_all_before_it():
    kept = {}
    for _ in range(3):
        assert life(kept, 9)
        assert life(kept, 9)
        assert life(kept, 11)
    assert life(kept, 1)


def test_a_start_writes_twice_at_most():
    power = Power()
    trial = LineTrial(Nvs({}, power), False)
    for _ in range(100):
        trial.begin()
        clock.now_ms += MINUTE_MS
        trial.look()
    assert power.steps == 2, power.steps


def test_a_memory_that_takes_nothing_does_not_stop_a_call():
    nvs = Nvs({}, Power())
    nvs.broken = True
    trial = LineTrial(nvs, False)
    trial.begin()
    assert not trial.is_lost


main(globals())
