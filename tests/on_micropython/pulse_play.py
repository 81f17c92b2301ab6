# SPDX-License-Identifier: Apache-2.0
# Plays files of light through the sense of the pulse and prints everything that it thinks. Runs on
# both runtimes; what they print must be the same.
#
# A file: red and infrared of each sample as 4 bytes each.

import struct
import sys

from opaska_band.senses.pulse import PulseSense


def play(path):
    with open(path, "rb") as file:
        data = file.read()
    sense = PulseSense()
    for index in range(len(data) // 8):
        red, infrared = struct.unpack_from("<ii", data, 8 * index)
        if sense.feed(red, infrared):
            print(
                *(index, sense.contact, sense.segments, sense.quality_percent),
                *(sense.heart_rate_bpm, sense.spo2_percent, sum(sense._likeness), sense._ratio),
            )
    print("best", *sense.best)


for name in sys.argv[1:]:
    print(name)
    play(name)
