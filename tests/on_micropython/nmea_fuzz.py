# SPDX-License-Identifier: Apache-2.0
# Bent NMEA for senses/nmea.py: half of it with wrong bytes, half nonsense behind a right checksum,
# torn into pieces of any size. Every fix must be a place on earth; alike on both runtimes.
#
#   nmea_fuzz.py <seed> <talks>      prints JSON: a digest of all fixes, and how many there were

import hashlib
import json
import sys
from binascii import hexlify

from opaska_band.senses.nmea import Fix, Nmea
from tests.on_micropython.protocol_fuzz import Dice

GOOD = (
    b"GPRMC,120000.00,A,5213.4560,N,02100.7380,E,0.1,0.0,220326,,,A",
    b"GPGGA,120000.00,5213.4560,N,02100.7380,E,1,07,1.2,100.0,M,34.0,M,,",
    b"GNRMC,235960.999,A,8959.9999999,S,17959.9999999,W,0.1,0.0,311279,,,D,V",
    b"GNGGA,000000,0000.0000,N,00000.0000,E,2,99,99.99,,,,,,",
    b"GPRMC,,V,,,,,,,,,,N",
    b"GPGSV,3,1,11,03,03,111,00,04,15,270,00,06,01,010,00,13,06,292,00",
)
FIELDS = (b"", b"0", b"-1", b"1e9", b"9" * 40, b".", b"5213.4560", b"18000.0001", b"A", b"V", b"N")
LAST_MS = 63_060_000  # 17:31, which nothing above says
LAST = tuple([body.replace(b"120000", b"173100") for body in GOOD[:2]])


def framed(body: bytes) -> bytes:
    checksum = 0
    for byte in body:
        checksum ^= byte
    return b"$%s*%02X\r\n" % (body, checksum)


def with_other_fields(dice: Dice, body: bytes) -> bytes:
    fields = body.split(b",")
    for _ in range(1 + dice.below(3)):
        at = dice.below(len(fields))
        if dice.below(8) == 0:
            del fields[at + 1 :]
        else:
            fields[at] = FIELDS[dice.below(len(FIELDS))]
    return framed(b",".join(fields))


def with_other_bytes(dice: Dice, body: bytes) -> bytes:
    data = bytearray(framed(body))
    for _ in range(1 + dice.below(4)):
        at = dice.below(len(data))
        kind = dice.below(4)
        if kind == 0:
            data = data[:at] + data[at + 1 + dice.below(4) :]
        elif kind == 1:
            data = data[:at] + dice.bytes(1 + dice.below(6)) + data[at:]
        else:
            data[at] = dice.below(256)
        if not data:
            break
    return bytes(data)


def talk(dice: Dice) -> bytes:
    """Up to seven sentences, most of them bent; a good one now and then."""
    parts = []
    for _ in range(1 + dice.below(7)):
        body, kind = GOOD[dice.below(len(GOOD))], dice.below(8)
        if kind == 0:
            parts.append(framed(body))
        else:
            parts.append((with_other_fields, with_other_bytes)[kind & 1](dice, body))
    return b"".join(parts)


def check(fix: Fix) -> None:
    lat_e7, lon_e7 = fix.lat_e7, fix.lon_e7
    if lat_e7 is None or lon_e7 is None:
        raise ValueError("no place")
    on_earth = abs(lat_e7) <= 900_000_000 and abs(lon_e7) <= 1_800_000_000
    in_day = 0 <= fix.day_ms <= 86_400_999
    if not (on_earth and in_day and (fix.hdop_tenths or 0) >= 0 and (fix.satellites or 0) >= 0):
        raise ValueError("no place on earth")


def run(seed: int, talks: int) -> "tuple[str, int]":
    dice, digest, found = Dice(seed), hashlib.sha256(), 0
    for _ in range(talks):
        nmea, data, at = Nmea(), talk(dice), 0
        while at < len(data):
            size = 1 + dice.below(40)
            for fix in nmea.feed(data[at : at + size]):
                check(fix)
                found += 1
                words = (fix.date, fix.day_ms, fix.lat_e7, fix.lon_e7, fix.hdop_tenths)
                digest.update(repr(words).encode())
            at += size
        last = nmea.feed(b"\r\n" + b"".join([framed(body) for body in LAST]))
        if not last or last[-1].day_ms != LAST_MS:
            raise ValueError("deaf after garbage")
    return hexlify(digest.digest()).decode(), found


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
