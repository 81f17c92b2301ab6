# SPDX-License-Identifier: Apache-2.0
# Prints what senses/nmea.py makes of files of NMEA; runs on MicroPython and on CPython.

import sys

from opaska_band.senses.nmea import Nmea

PIECE = 13  # bytes; no sentence ends where a piece does


def play(path):
    nmea = Nmea()
    with open(path, "rb") as file:
        data = file.read()
    for begin in range(0, len(data), PIECE):
        for fix in nmea.feed(data[begin : begin + PIECE]):
            place = fix.lat_e7, fix.lon_e7, fix.satellites, fix.hdop_tenths
            print(fix.date, fix.day_ms, *place)
    print("sentences", nmea.sentences, "refused", nmea.refused)


for name in sys.argv[1:]:
    play(name)
