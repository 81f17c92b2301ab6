# SPDX-License-Identifier: Apache-2.0
# What the fall detector takes of a band's heap, and that it takes no more with time.

import gc

from single import main

from opaska_band.senses import fall, fall_parameters

HEAP = 16 * 1024  # for detector and parameters; this port's words are twice as wide as the band's


def test_fits_its_memory_with_all_that_it_has_learned():
    gc.collect()
    before = gc.mem_alloc()
    sense = fall.FallSense(52)
    gc.collect()
    state = gc.mem_alloc() - before
    learned = len(fall_parameters.TREES) + len(fall_parameters.CONVOLUTION)
    print("state", state, "parameters", learned, "bytes")
    assert state + learned <= HEAP
    assert not sense.watching


def _minutes_of_blows(sense, minutes):
    for second in range(60 * minutes):
        for i in range(52):
            sense.feed(100 + second % 7, 3000 if i == 5 and second % 3 == 0 else 90, -990 + i)


def test_holds_no_more_after_an_hour_of_blows_than_after_a_minute():
    sense = fall.FallSense(52)
    _minutes_of_blows(sense, 1)
    gc.collect()
    before = gc.mem_alloc()
    _minutes_of_blows(sense, 60)
    gc.collect()
    assert gc.mem_alloc() <= before + 64
    assert 0 <= sense.wait_ms < 4_000, "it still decides"


def test_quiet_samples_leave_no_garbage():
    sense = fall.FallSense(52)
    for i in range(520):
        sense.feed(10, 20, 1000 - i % 3)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for i in range(520):
        sense.feed(10, 20, 1000 - i % 3)
    grown = gc.mem_alloc() - before
    gc.enable()
    assert grown < 256, grown


main(globals())
