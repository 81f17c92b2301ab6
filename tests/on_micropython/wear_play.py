# SPDX-License-Identifier: Apache-2.0
# Plays files of looks through the sense and the decision of wearing, and prints all that they say.
# Runs on both runtimes; what they print must be the same.
#
# A line: time, profile, loop in mV, count of the pad, light, charger, seconds of stillness; "-" is
# not known.

import sys

from opaska_band.decisions.wearing import NEW, step
from opaska_band.senses.wearing import Wearing


def value(text):
    return None if text == "-" else int(text)


def play(path):
    sense = Wearing(30_000)
    state = NEW
    with open(path) as file:
        for line in file:
            now, profile, loop, pad, light, charger, still = [value(x) for x in line.split()]
            contact = None if light is None else bool(light)
            looks = sense.look(now, profile, loop, pad, contact, bool(charger), still)
            said = ""
            if looks:
                state, said = step(state, looks)
            told = (looks, state, said, sense.evidence, sense.since_ms, sense.wait_ms)
            print(*told, sense.pad.air, int(sense.needs_light))


for name in sys.argv[1:]:
    play(name)
