# SPDX-License-Identifier: Apache-2.0
# The NFC reader's drivers on a bus that plays a reader with a card, and bends what they say: one
# bit of a frame, a whole frame, or what the card answers behind right checksums.
#
#   micropython nfc_fuzz.py bit|frame|card <seed> <readings>      prints JSON

import asyncio
import json
import random
import sys

from opaska_band.drivers.ntag424 import proof_in, read_proof
from opaska_band.drivers.pn532 import PN532, CardError, NfcError

UID = bytes(range(4, 11))
PROOF = bytes(range(100, 124))
LINK = b"x.pl/v?picc_data=%s&cmac=%s" % (PROOF[:16].hex().encode(), PROOF[16:].hex().encode())
FOUND = b"\x01\x01\x03\x44\x20\x07" + UID + b"\x06\x77\x77\x71\x02\x80"
ANSWERS = {  # code of a command -> what the reader says to it
    0x14: b"",
    0x02: b"\x32\x01\x06\x07",
    0x32: b"",
    0x4A: FOUND,
}
ACK = b"\x00\x00\xff\x00\xff\x00"


def framed(body):
    head = b"\x00\x00\xff" + bytes((len(body) & 0xFF, -len(body) & 0xFF))
    return head + body + bytes((-sum(body) & 0xFF, 0))


def bent(data):
    """With a byte or a few that are others, more or fewer."""
    data = bytearray(data)
    for _ in range(1 + random.getrandbits(2)):
        at = random.randrange(len(data) + 1)
        kind = random.getrandbits(3)
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = data[:at] + data[at + 1 :]
        elif kind == 2:
            data = data[:at] + bytes([random.getrandbits(8)]) + data[at:]
        elif kind == 3:
            data = bytearray([random.getrandbits(8) for _ in range(random.getrandbits(7))])
        elif at < len(data):
            data[at] = random.choice((0, 0xFF, random.getrandbits(8), data[at] ^ 0x20))
    return bytes(data)


def flipped(data):
    """With another bit."""
    data = bytearray(data)
    data[random.randrange(len(data))] ^= 1 << random.getrandbits(3)
    return bytes(data)


class Bus:
    def __init__(self, how):
        self.how = how
        self.next = []
        self.last = b""

    def writeto(self, address, data):
        if self.how == "frame" and random.getrandbits(6) == 0:
            raise OSError(19)
        data = bytes(data)
        if len(data) < 8:  # not understood: once more
            self.next = [self.last]
            return
        self.last = framed(b"\xd5" + bytes([data[6] + 1]) + self.said(data[6], data[8:-2]))
        self.next = [ACK, self.last]

    def said(self, command, data):
        answer = ANSWERS.get(command)
        if answer is None:
            answer = b"\x00" + self.card(data)
        if self.how == "card" and random.getrandbits(3) == 0:
            answer = bent(answer)[:250]
        return answer

    def card(self, data):
        if data[1] == 0xA4:
            return b"\x90\x00"
        file = len(LINK).to_bytes(2, "big") + LINK
        at = data[2] << 8 | data[3]
        answer = file[at : at + data[4]]
        if self.how == "card" and random.getrandbits(1):
            answer = bent(answer)
        return answer + b"\x90\x00"

    def readfrom_into(self, address, into):
        if self.how == "frame" and random.getrandbits(6) == 0:
            raise OSError(19)
        frame = b"\x01" + self.next.pop(0) if self.next else b"\x00"
        if self.how == "bit" and random.getrandbits(3) == 0:
            frame = flipped(frame)
        elif self.how == "frame" and random.getrandbits(4) == 0:
            frame = bent(frame)
        frame = frame[: len(into)]
        into[:] = frame + bytes(len(into) - len(frame))


class Pin:
    """IRQ says anything, RSTPDN is not asked."""

    def value(self, to=None):
        return random.getrandbits(1)


async def at_once(ms):
    pass


async def read(how):
    """What came of it, in a word."""
    reader = PN532(Bus(how), Pin(), Pin())
    try:
        number = await reader.find(0)
        assert number is None or len(number) in (4, 7, 10)
        if number is None:
            return "none"
        proof = await read_proof(reader)
        assert proof is None or len(proof) == 24
    except CardError:
        return "lost"
    except NfcError:
        return "broken"
    if proof is None:
        return "plain"
    return "right" if (number, proof) == (UID, PROOF) else "other"


def decode():
    """The decoder alone, on the link bent."""
    try:
        proof = proof_in(bent(LINK))
    except CardError:
        return
    assert proof is None or len(proof) == 24


async def main(how, seed, count):
    random.seed(seed)
    asyncio.sleep_ms = at_once
    words = {}
    for _ in range(count):
        word = await read(how)
        words[word] = words.get(word, 0) + 1
        decode()
    print(json.dumps(words))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
