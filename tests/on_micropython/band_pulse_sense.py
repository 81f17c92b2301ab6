# SPDX-License-Identifier: Apache-2.0
# What the sense of the pulse takes of a band's heap, and that it takes no more with time.

import gc

from single import main

from opaska_band.senses.pulse import PulseSense

STATE = 4 * 1024  # this port's words are twice as wide as the band's


def _light(number):
    """A second at 75 beats a minute has 25 samples, a beat 20."""
    beat = number % 20
    return 100_000 - 40 * max(0, 8 - abs(beat - 8)), 120_000 - 90 * max(0, 8 - abs(beat - 8))


def test_fits_its_memory():
    gc.collect()
    before = gc.mem_alloc()
    sense = PulseSense()
    gc.collect()
    state = gc.mem_alloc() - before
    print("state", state, "bytes")
    assert state <= STATE
    assert sense.heart_rate_bpm is None


def test_holds_no_more_after_ten_minutes_than_after_one():
    sense = PulseSense()
    for number in range(1500):
        sense.feed(*_light(number))
    assert sense.heart_rate_bpm == 75
    gc.collect()
    before = gc.mem_alloc()
    for number in range(15000):
        sense.feed(*_light(number))
    gc.collect()
    assert gc.mem_alloc() <= before + 64


def test_a_sample_leaves_no_garbage_and_a_segment_little():
    sense = PulseSense()
    for number in range(500):
        sense.feed(*_light(number))
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for number in range(500, 1000):
        red, infrared = 100_000 + number % 7, 120_000 + number % 11
        sense.feed(red, infrared)
    grown = gc.mem_alloc() - before
    gc.enable()
    print("garbage of ten segments", grown, "bytes")
    assert grown < 2048, grown


main(globals())
