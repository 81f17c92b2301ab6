# SPDX-License-Identifier: Apache-2.0
"""Recomputes what every vector states; the same file runs on CPython and on MicroPython.

As a script: protocol_vectors.py <folder of vectors>, one JSON line for each vector.
"""

import json
import sys
from binascii import hexlify, unhexlify

from opaska_protocol import (
    answers,
    cbor,
    frame,
    hkdf,
    motion,
    motion_read,
    orders,
    reports,
    seal,
    zones,
)
from opaska_protocol.channel import BandChannel, GatewayChannel
from opaska_protocol.errors import ProtocolError
from tests.on_micropython.protocol_notation import notation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Found = dict[str, Any]
    Read = tuple[Found, Callable[[], Found]]  # what was read, and what writes it again

FILES = ("cbor", "keys", "ccm", "reports", "answers", "orders", "motion", "frames")


def outcome(name: str, vector: "dict[str, Any]") -> "Found":
    """Members of `vector` as this runtime finds them; a refusal as its reason alone.

    Only reading may refuse: an error in writing the same again gets out.
    """
    try:
        found, write = _READ[name](vector)
    except ProtocolError as error:
        return {"reason": error.reason}
    found.update(write())
    return found


def _nothing() -> "Found":
    return {}


def _cbor(vector: "dict[str, Any]") -> "Read":
    value = cbor.decode(unhexlify(vector["hex"]))
    return {"value": notation(value)}, lambda: {"hex": _hex(cbor.encode(value))}


def _keys(vector: "dict[str, Any]") -> "Read":
    if "hmac" in vector:
        return {"hmac": _hex(hkdf.hmac_sha256(*_bytes(vector, "key", "data")))}, _nothing
    if "okm" in vector:
        ikm, salt, info = _bytes(vector, "ikm", "salt", "info")
        okm = hkdf.hkdf_sha256(ikm, salt, info, len(vector["okm"]) // 2)
        return {"okm": _hex(okm)}, _nothing
    k_gen, salt = _bytes(vector, "k_gen", "salt")
    found = {
        "up": _hex(seal.derive_up_key(k_gen, salt)),
        "down": _hex(seal.derive_down_key(k_gen, salt)),
        "tls_psk": _hex(seal.derive_psk(k_gen)),
    }
    return found, _nothing


def _ccm(vector: "dict[str, Any]") -> "Read":
    key, nonce, aad, sealed = _bytes(vector, "key", "nonce", "aad", "sealed")
    cipher = seal.Ccm(key)
    text = cipher.open(nonce, aad, sealed)
    return {"plaintext": _hex(text)}, lambda: {"sealed": _hex(cipher.seal(nonce, aad, text))}


def _reports(vector: "dict[str, Any]") -> "Read":
    report = reports.decode_report(unhexlify(vector["body"]))
    found = {
        "type": report.type,
        "fields": {name: _plain(value) for name, value in report.fields.items()},
        "unknown": notation(report.unknown),
        "problems": report.problems,
        "rings": reports.rings(report.type),
        "urgent": reports.is_urgent(report.type),
    }
    if vector.get("newer") or report.problems:
        return found, _nothing
    return found, lambda: {"body": _hex(reports.encode_report(report.type, report.fields))}


def _answers(vector: "dict[str, Any]") -> "Read":
    answer = answers.decode_answer(unhexlify(vector["body"]))
    fields = {
        "state": answer.state,
        "generation": answer.generation,
        "boot": answer.boot,
        "seq": answer.seq,
        "unix_s": answer.unix_s,
        "planned": answer.planned,
    }
    if vector.get("newer"):
        return {"fields": fields}, _nothing
    return {"fields": fields}, lambda: {"body": _hex(answers.encode_answer(answer))}


def _orders(vector: "dict[str, Any]") -> "Read":
    order = orders.decode_order(unhexlify(vector["body"]))
    found: "Found" = {"dseq": order.dseq, "kind": order.kind}
    found["arguments"] = notation(order.arguments)
    if order.kind == orders.SETTINGS:
        found["settings"] = orders.settings_from_wire(order.arguments)
        orders.whole_settings(found["settings"])
    elif order.kind == orders.ZONES:
        found["zones"] = [list(row) for row in zones.zones_from_wire(order.arguments)]

    def write() -> "Found":
        written = {}
        if "settings" in found:
            written["arguments"] = notation(orders.settings_to_wire(found["settings"]))
        if not vector.get("newer"):
            written["body"] = _hex(orders.encode_order(order))
        return written

    return found, write


def _motion(vector: "dict[str, Any]") -> "Read":
    first, rows = motion_read.decode_part(unhexlify(vector["data"]))

    def write() -> "Found":
        data, end = motion.encode_part(lambda at: rows[at], 0, len(rows), -first)
        assert end == len(rows)
        return {"data": _hex(data)}

    return {"first": first, "rows": [list(row) for row in rows]}, write


def _frames(vector: "dict[str, Any]") -> "Read":
    return _up(vector) if vector["way"] == "up" else _down(vector)


def _up(vector: "dict[str, Any]") -> "Read":
    kid, k_gen, data = _bytes(vector, "kid", "k_gen", "frame")
    header, ciphertext = frame.parse_up(data)
    body = GatewayChannel(kid, vector["generation"], k_gen, bytes(8)).open(header, ciphertext)
    reports.decode_report(body)
    nonce = seal.up_nonce(header.generation, header.boot, header.seq)
    found = _common(header, body, nonce)
    found["boot"], found["seq"] = header.boot, header.seq
    band = BandChannel(kid, header.generation, k_gen, header.boot, header.salt)
    return found, lambda: {"frame": _hex(band.seal(header.seq, body))}


def _down(vector: "dict[str, Any]") -> "Read":
    kid, k_gen, data = _bytes(vector, "kid", "k_gen", "frame")
    body = BandChannel(kid, vector["generation"], k_gen, 1, bytes(8)).open(data)
    if orders.body_type(body) == orders.ORDER:
        orders.decode_order(body)
    else:
        answers.decode_answer(body)
    header, _ = frame.parse_down(data)
    nonce = seal.down_nonce(header.generation, header.counter)
    found = _common(header, body, nonce)
    found["counter"] = header.counter
    gateway = GatewayChannel(kid, header.generation, k_gen, header.salt)
    return found, lambda: {"frame": _hex(gateway.seal(header.counter, body))}


def _common(header: "Any", body: bytes, nonce: bytes) -> "Found":
    return {
        "kid": _hex(header.kid),
        "generation": header.generation,
        "salt": _hex(header.salt),
        "aad": _hex(header.aad),
        "nonce": _hex(nonce),
        "value": notation(cbor.decode(body)),
        "body": _hex(body),
    }


_READ = {
    "cbor": _cbor,
    "keys": _keys,
    "ccm": _ccm,
    "reports": _reports,
    "answers": _answers,
    "orders": _orders,
    "motion": _motion,
    "frames": _frames,
}


def _plain(value: "Any") -> "Any":
    return _hex(value) if isinstance(value, bytes) else value


def _hex(data: bytes) -> str:
    return hexlify(data).decode()


def _bytes(vector: "dict[str, Any]", *names: str) -> "list[bytes]":
    return [unhexlify(vector[name]) for name in names]


def main(folder: str) -> None:
    for name in FILES:
        with open(folder + "/" + name + ".json") as file:
            document = json.loads(file.read())
        for group in document:
            if group != "about":
                for vector in document[group]:
                    found = outcome(name, vector)
                    print(json.dumps([name, group, vector["name"], found]))


if __name__ == "__main__":
    main(sys.argv[1])
