# SPDX-License-Identifier: Apache-2.0
"""Recomputes what every vector states; the same file runs on CPython and on MicroPython.

As a script: protocol_vectors.py <folder of vectors>, one JSON line for each vector.
"""

import json
import sys
from binascii import hexlify, unhexlify

from opaska_protocol import answers, cbor, frame, hkdf, orders, reports, seal
from opaska_protocol.channel import BandChannel, GatewayChannel
from opaska_protocol.errors import ProtocolError
from tests.on_micropython.protocol_notation import notation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILES = ("cbor", "keys", "ccm", "reports", "answers", "orders", "frames")


def outcome(name: str, vector: "dict[str, Any]") -> "dict[str, Any]":
    """Members of `vector` as this runtime finds them; a refusal as its reason alone."""
    try:
        return _RECOMPUTE[name](vector)
    except ProtocolError as error:
        return {"reason": error.reason}


def _cbor(vector: "dict[str, Any]") -> "dict[str, Any]":
    value = cbor.decode(unhexlify(vector["hex"]))
    return {"value": notation(value), "hex": _hex(cbor.encode(value))}


def _keys(vector: "dict[str, Any]") -> "dict[str, Any]":
    if "hmac" in vector:
        return {"hmac": _hex(hkdf.hmac_sha256(*_bytes(vector, "key", "data")))}
    if "okm" in vector:
        ikm, salt, info = _bytes(vector, "ikm", "salt", "info")
        return {"okm": _hex(hkdf.hkdf_sha256(ikm, salt, info, len(vector["okm"]) // 2))}
    k_gen, salt = _bytes(vector, "k_gen", "salt")
    return {
        "up": _hex(seal.derive_up_key(k_gen, salt)),
        "down": _hex(seal.derive_down_key(k_gen, salt)),
        "tls_psk": _hex(seal.derive_psk(k_gen)),
    }


def _ccm(vector: "dict[str, Any]") -> "dict[str, Any]":
    key, nonce, aad, sealed = _bytes(vector, "key", "nonce", "aad", "sealed")
    plaintext = seal.Ccm(key).open(nonce, aad, sealed)
    return {
        "plaintext": _hex(plaintext),
        "sealed": _hex(seal.Ccm(key).seal(nonce, aad, plaintext)),
    }


def _reports(vector: "dict[str, Any]") -> "dict[str, Any]":
    body = unhexlify(vector["body"])
    report = reports.decode_report(body)
    found = {
        "type": report.type,
        "fields": report.fields,
        "unknown": notation(report.unknown),
        "problems": report.problems,
        "rings": reports.rings(report.type),
        "urgent": reports.is_urgent(report.type),
    }
    if not vector.get("newer") and not report.problems:
        found["body"] = _hex(reports.encode_report(report.type, report.fields))
    return found


def _answers(vector: "dict[str, Any]") -> "dict[str, Any]":
    answer = answers.decode_answer(unhexlify(vector["body"]))
    fields = {
        "state": answer.state,
        "generation": answer.generation,
        "boot": answer.boot,
        "seq": answer.seq,
        "unix_s": answer.unix_s,
    }
    found: "dict[str, Any]" = {"fields": fields}
    if not vector.get("newer"):
        found["body"] = _hex(answers.encode_answer(answer))
    return found


def _orders(vector: "dict[str, Any]") -> "dict[str, Any]":
    order = orders.decode_order(unhexlify(vector["body"]))
    found: "dict[str, Any]" = {"dseq": order.dseq, "kind": order.kind}
    found["arguments"] = notation(order.arguments)
    if not vector.get("newer"):
        found["body"] = _hex(orders.encode_order(order))
    if order.kind == orders.SETTINGS:
        settings = orders.settings_from_wire(order.arguments)
        found["settings"] = settings
        found["arguments"] = notation(orders.settings_to_wire(settings))
    return found


def _frames(vector: "dict[str, Any]") -> "dict[str, Any]":
    return _up(vector) if vector["way"] == "up" else _down(vector)


def _up(vector: "dict[str, Any]") -> "dict[str, Any]":
    kid, k_gen, data = _bytes(vector, "kid", "k_gen", "frame")
    header, ciphertext = frame.parse_up(data)
    body = GatewayChannel(kid, vector["generation"], k_gen, bytes(8)).open(header, ciphertext)
    reports.decode_report(body)
    band = BandChannel(kid, header.generation, k_gen, header.boot, header.salt)
    nonce = seal.up_nonce(header.generation, header.boot, header.seq)
    found = _common(header, body, nonce)
    found["boot"], found["seq"] = header.boot, header.seq
    found["frame"] = _hex(band.seal(header.seq, body))
    return found


def _down(vector: "dict[str, Any]") -> "dict[str, Any]":
    kid, k_gen, data = _bytes(vector, "kid", "k_gen", "frame")
    body = BandChannel(kid, vector["generation"], k_gen, 1, bytes(8)).open(data)
    if orders.body_type(body) == orders.ORDER:
        orders.decode_order(body)
    else:
        answers.decode_answer(body)
    header, _ = frame.parse_down(data)
    gateway = GatewayChannel(kid, header.generation, k_gen, header.salt)
    nonce = seal.down_nonce(header.generation, header.counter)
    found = _common(header, body, nonce)
    found["counter"] = header.counter
    found["frame"] = _hex(gateway.seal(header.counter, body))
    return found


def _common(header: "Any", body: bytes, nonce: bytes) -> "dict[str, Any]":
    return {
        "kid": _hex(header.kid),
        "generation": header.generation,
        "salt": _hex(header.salt),
        "aad": _hex(header.aad),
        "nonce": _hex(nonce),
        "value": notation(cbor.decode(body)),
        "body": _hex(body),
    }


_RECOMPUTE = {
    "cbor": _cbor,
    "keys": _keys,
    "ccm": _ccm,
    "reports": _reports,
    "answers": _answers,
    "orders": _orders,
    "frames": _frames,
}


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
