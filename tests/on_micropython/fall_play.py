# SPDX-License-Identifier: Apache-2.0
# Plays files of samples through the fall detector and prints every score and every fall. Runs on
# both runtimes; what they print must be the same.
#
# A file: the rate in thousandths of Hz as 4 bytes, then x, y, z of each sample as 2 bytes each.

import struct
import sys

from opaska_band.senses.fall import FallSense


class TellingSense(FallSense):
    def judge(self, window, peak_mg):
        score = FallSense.judge(self, window, peak_mg)
        print("judged", peak_mg, score, sum(window.numbers))
        return score


def play(path):
    with open(path, "rb") as file:
        data = file.read()
    sense = TellingSense(struct.unpack("<I", data[:4])[0] / 1000)
    for index in range((len(data) - 4) // 6):
        fall = sense.feed(*struct.unpack_from("<hhh", data, 4 + 6 * index))
        if fall:
            print("fall", index, fall.ago_samples, fall.peak_mg, fall.score_percent)


for name in sys.argv[1:]:
    print(name)
    play(name)
