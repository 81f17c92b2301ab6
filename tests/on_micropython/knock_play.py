# SPDX-License-Identifier: Apache-2.0
# Plays files of samples through the sense of knocks and prints when two were heard, and how long
# it would have been waited for. Runs on both runtimes; what they print must be the same.
#
# A file: x, y, z of each sample as 2 bytes each.

import struct
import sys

from opaska_band.senses.knock import Knock


def play(path):
    with open(path, "rb") as file:
        data = file.read()
    sense = Knock()
    heard = waits = 0
    for index in range(len(data) // 6):
        if sense.feed(*struct.unpack_from("<hhh", data, 6 * index)):
            heard += 1
            print("knocked", index)
        waits = waits * 31 + sense.wait_ms & 0x3FFFFFFF
        if index % 4_999 == 4_998:
            sense.forget()  # as after a gap
    print("heard", heard, waits)


for name in sys.argv[1:]:
    play(name)
