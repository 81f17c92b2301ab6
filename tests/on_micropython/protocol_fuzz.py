# SPDX-License-Identifier: Apache-2.0
"""Random and mutated bytes for every decoder; alike on CPython and MicroPython from the same seed.

As a script: protocol_fuzz.py <decoder> <seed> <count>, seed frames as lines of hex on stdin.
Prints as JSON a digest of all outcomes and the number of each.
"""

import hashlib
import json
import sys
from binascii import hexlify, unhexlify

from opaska_protocol import (
    answers,
    cbor,
    cbor_small,
    frame,
    motion,
    motion_read,
    orders,
    reports,
    zones,
)
from opaska_protocol.channel import BandChannel, GatewayChannel
from opaska_protocol.errors import BodyError, ProtocolError
from tests.on_micropython.protocol_notation import notation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

KID = unhexlify("0badcafe5eed0001")  # the band of the vectors
K_GEN = bytes(range(16))
BAND = BandChannel(KID, 1, K_GEN, 12, bytes(8))
GATEWAY = GatewayChannel(KID, 1, K_GEN, bytes(8))

_HEADS = (0, 1, 23, 24, 24, 25, 26, 27, 28, 31)  # additional information: every kind of it
_MAX_DEPTH = 6
_TIMES = (0, 1, 1, 1, 1, 2, 3)  # how often a seed frame is changed


class Dice:
    """Xorshift: the same numbers on both runtimes, which `random` does not promise."""

    def __init__(self, seed: int) -> None:
        self._state = seed or 1

    def below(self, limit: int) -> int:
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return x % limit

    def bytes(self, size: int) -> bytes:
        return bytes([self.below(256) for _ in range(size)])


# --- bytes to try ---


def grown(dice: Dice, depth: int = 0) -> bytes:
    """A random item, mostly well formed, of every major type and every kind of head."""
    major, info = dice.below(8), _HEADS[dice.below(len(_HEADS))]
    head = bytes([major << 5 | info])
    if info > 27:
        return head
    if info > 23:
        size = 1 << (info & 3)
        zeros = dice.below(size + 1)
        return head + bytes(zeros) + dice.bytes(size - zeros)
    if major in (2, 3):
        return head + dice.bytes(info)
    if depth < _MAX_DEPTH and major in (4, 5):
        return head + b"".join([grown(dice, depth + 1) for _ in range(info * (major - 3) % 7)])
    return head


def _flip(dice: Dice, data: bytearray) -> None:
    data[dice.below(len(data))] ^= 1 << dice.below(8)


def _set(dice: Dice, data: bytearray) -> None:
    data[dice.below(len(data))] = dice.below(256)


def _cut(dice: Dice, data: bytearray) -> None:
    data[:] = data[: dice.below(len(data)) + 1]


def _insert(dice: Dice, data: bytearray) -> None:
    at = dice.below(len(data))
    data[:] = data[:at] + dice.bytes(1 + dice.below(4)) + data[at:]


def _drop(dice: Dice, data: bytearray) -> None:
    at = dice.below(len(data))
    data[:] = data[:at] + data[at + 1 + dice.below(4) :]


def _double(dice: Dice, data: bytearray) -> None:
    at = dice.below(len(data))
    data[:] = data[:at] + data[: at + dice.below(8)] + data[at:]


def _promise(dice: Dice, data: bytearray) -> None:
    """A head that promises much more than there is."""
    at = dice.below(len(data))
    head = bytes([dice.below(6) << 5 | (24 + dice.below(4))])
    data[:] = data[:at] + head + dice.bytes(1 << (head[0] & 3)) + data[at:]


def _graft(dice: Dice, data: bytearray) -> None:
    """Another item in the place of some bytes."""
    at = dice.below(len(data))
    data[:] = data[:at] + grown(dice) + data[at + dice.below(3) :]


_CHANGES = (_flip, _flip, _set, _cut, _insert, _drop, _double, _promise, _graft)


def next_input(dice: Dice, corpus: "list[bytes]") -> bytes:
    """One in eight random bytes, one in eight a random item, the others a seed frame, changed."""
    kind = dice.below(8)
    if kind == 0:
        return dice.bytes(dice.below(64))
    if kind == 1:
        return grown(dice)
    data = bytearray(corpus[dice.below(len(corpus))])
    for _ in range(_TIMES[dice.below(len(_TIMES))]):
        if data:
            _CHANGES[dice.below(len(_CHANGES))](dice, data)
    return bytes(data)


# --- decoders under test: what they make of the bytes, in words ---


def _cbor(data: bytes) -> str:
    return notation(cbor.decode(data))


def _cbor_small(data: bytes) -> str:
    return notation(cbor_small.decode(data))


def _up(data: bytes) -> str:
    header, ciphertext = frame.parse_up(data)
    return hexlify(GATEWAY.open(header, ciphertext)).decode()


def _down(data: bytes) -> str:
    return hexlify(BAND.open(data)).decode()


def _report(data: bytes) -> str:
    report = reports.decode_report(data)
    known = notation([report.type, len(report.fields)])
    return "/".join([known, notation(report.unknown), " ".join(report.problems)])


def _answer(data: bytes) -> str:
    answer = answers.decode_answer(data)
    return notation([answer.state, answer.generation, answer.boot, answer.seq])


def _order(data: bytes) -> str:
    order = orders.decode_order(data)
    if order.kind == orders.SETTINGS:
        orders.whole_settings(orders.settings_from_wire(order.arguments))
    elif order.kind == orders.ZONES:
        zones.zones_from_wire(order.arguments)
    return notation([order.dseq, order.kind, order.arguments])


def _settings(data: bytes) -> str:
    """What a band with one of three sets has then: a whole set that a band may have, always."""
    arguments = cbor.decode(data)
    if not isinstance(arguments, dict):
        raise BodyError("not_a_map")
    named = orders.settings_from_wire(arguments)
    before = None if named.get("version") else _BEFORE[len(data) % len(_BEFORE)]
    whole = orders.whole_settings(named, before)
    wire = orders.settings_to_wire(whole)
    again = orders.settings_from_wire(cbor.decode(cbor.encode(wire)))
    if again != whole or orders.whole_settings(again) != whole or len(wire) != len(whole):
        raise ValueError("a set that cannot be kept")
    low, high = whole["hr_low"], whole["hr_high"]
    if (low and low >= high > 0) or whole["awake_from"] >= whole["awake_to"]:
        raise ValueError("a set that does not fit together")
    return notation(wire)


_BEFORE = (
    orders.whole_settings({}),
    orders.whole_settings({"version": 7, "hr_low": 45, "hr_high": 130, "spo2_low": 88}),
    orders.whole_settings({"awake_from": 0, "awake_to": 1_439, "inactive_hours": 23}),
)


def _motion(data: bytes) -> str:
    """What was read; and packed again it must be the same, as far as the same part holds it."""
    first, rows = motion_read.decode_part(data)
    again, end = motion.encode_part(lambda at: rows[at], 0, len(rows), -first)
    if end == len(rows) and again != data:
        raise ValueError("two encodings of the same rows")
    return notation([first] + [list(row) for row in rows])


DECODERS: "dict[str, Callable[[bytes], str]]" = {
    "cbor": _cbor,
    "cbor_small": _cbor_small,
    "up": _up,
    "down": _down,
    "report": _report,
    "answer": _answer,
    "order": _order,
    "settings": _settings,
    "motion": _motion,
}


def run(name: str, corpus: "list[bytes]", seed: int, count: int) -> "tuple[str, dict[str, int]]":
    """(digest of the outcomes, how many of each); any error but a named refusal gets out."""
    decode, dice = DECODERS[name], Dice(seed)
    digest = hashlib.sha256()
    seen: "dict[str, int]" = {}
    for _ in range(count):
        try:
            words = decode(next_input(dice, corpus))
            key = "accepted"
        except ProtocolError as error:
            words = key = error.reason
        digest.update(words.encode())
        seen[key] = seen.get(key, 0) + 1
    return hexlify(digest.digest()).decode(), seen


def main(name: str, seed: int, count: int) -> None:
    corpus = [unhexlify(line.strip()) for line in sys.stdin]
    print(json.dumps(run(name, corpus, seed, count)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
