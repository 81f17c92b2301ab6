# SPDX-License-Identifier: Apache-2.0
"""Fills in the bytes of the protocol's vectors: python -m opaska_tools.vectors [--check | --sizes]

A vector says by hand what goes in (a value in CBOR diagnostic notation, keys, header) and what
must come out (fields, problems, reason). Only the bytes between the two are computed here. Bytes
of a refused vector that no encoder of ours would write stay as they stand.
"""

import argparse
import base64
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from opaska_protocol import cbor, frame, seal
from opaska_protocol.channel import BandChannel, GatewayChannel
from opaska_protocol.motion import encode_part

FOLDER = Path(__file__).parents[2] / "shared_protocol" / "vectors"
_TOKEN = re.compile(r"""\s*(h'[0-9a-f]*'|"(?:[^"\\]|\\.)*"|-?\d+|true|false|[][{},:])""")
_ONE_LINE = 160  # characters; longer vectors are written one member a line

Vector = dict[str, Any]


def parse_notation(text: str) -> Any:
    """Read the value of CBOR diagnostic notation (RFC 8949, 8), as far as our subset goes."""
    tokens = _tokens(text)
    try:
        value = _value(next(tokens), tokens)
        if next(tokens):
            raise ValueError("more than one value")
    except ValueError as error:
        raise ValueError(f"not diagnostic notation: {text}") from error
    return value


def _tokens(text: str) -> Iterator[str]:
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"no such token: {text[at:]}")
        yield match[1]
        at = match.end()
    yield ""  # the end, which is no value


def _value(token: str, tokens: Iterator[str]) -> Any:
    if token == "[":  # noqa: S105
        return list(_items(tokens, "]", lambda first: _value(first, tokens)))
    if token == "{":  # noqa: S105
        return dict(_items(tokens, "}", lambda first: _entry(first, tokens)))
    if token.startswith("h'"):
        return bytes.fromhex(token[2:-1])
    return json.loads(token)  # numbers, text and booleans are written as in JSON


def _items(tokens: Iterator[str], end: str, read: Callable[[str], Any]) -> Iterator[Any]:
    for token in tokens:
        if token == end:
            return
        if token != ",":  # noqa: S105
            yield read(token)


def _entry(first: str, tokens: Iterator[str]) -> tuple[Any, Any]:
    key = _value(first, tokens)
    if next(tokens) != ":":
        raise ValueError(f"no colon behind the key {key}")
    return key, _value(next(tokens), tokens)


def _fill_cbor(vector: Vector) -> None:
    if "value" in vector:
        vector["hex"] = cbor.encode(parse_notation(vector["value"])).hex()


def _fill_body(vector: Vector) -> None:
    if "value" in vector:
        vector["body"] = cbor.encode(parse_notation(vector["value"])).hex()


def _fill_keys(vector: Vector) -> None:
    if "k_gen" in vector:
        k_gen, salt = bytes.fromhex(vector["k_gen"]), bytes.fromhex(vector["salt"])
        vector["up"] = seal.derive_up_key(k_gen, salt).hex()
        vector["down"] = seal.derive_down_key(k_gen, salt).hex()
        vector["tls_psk"] = seal.derive_psk(k_gen).hex()


def _fill_ccm(vector: Vector) -> None:
    if "source" not in vector:  # what an RFC says is never computed
        key, nonce, aad, text = (
            bytes.fromhex(vector[name]) for name in ("key", "nonce", "aad", "plaintext")
        )
        vector["sealed"] = seal.Ccm(key).seal(nonce, aad, text).hex()


def _fill_motion(vector: Vector) -> None:
    if "rows" in vector:
        rows = vector["rows"]
        data, end = encode_part(rows.__getitem__, 0, len(rows), -vector["first"])
        if end != len(rows):
            raise ValueError(f"{vector['name']}: more rows than one part holds")
        vector["data"] = data.hex()


def _fill_frame(vector: Vector) -> None:
    if "items" in vector:
        vector["frame"] = cbor.encode(parse_notation(vector["items"])).hex()
    elif "value" in vector:
        _fill_body(vector)
        _fill_sealed(vector)


def _fill_sealed(vector: Vector) -> None:
    kid, k_gen, salt, body = (
        bytes.fromhex(vector[name]) for name in ("kid", "k_gen", "salt", "body")
    )
    generation: int = vector["generation"]
    if vector["way"] == "up":
        boot, seq = vector["boot"], vector["seq"]
        header: frame.UpHeader | frame.DownHeader
        header = frame.UpHeader(kid, generation, salt, boot, seq)
        nonce = seal.up_nonce(generation, boot, seq)
        sealed = BandChannel(kid, generation, k_gen, boot, salt).seal(seq, body)
    else:
        counter = vector["counter"]
        header = frame.DownHeader(kid, generation, salt, counter)
        nonce = seal.down_nonce(generation, counter)
        sealed = GatewayChannel(kid, generation, k_gen, salt).seal(counter, body)
    vector["aad"], vector["nonce"], vector["frame"] = header.aad.hex(), nonce.hex(), sealed.hex()


FILL: dict[str, Callable[[Vector], None]] = {
    "cbor": _fill_cbor,
    "keys": _fill_keys,
    "ccm": _fill_ccm,
    "reports": _fill_body,
    "answers": _fill_body,
    "orders": _fill_body,
    "motion": _fill_motion,
    "frames": _fill_frame,
}


def filled(name: str, text: str) -> str:
    """Return the text of a vector file with all computed bytes renewed."""
    document = json.loads(text)
    for vector in all_vectors(document):
        FILL[name](vector)
    return _written(document)


def all_vectors(document: dict[str, Any]) -> Iterator[Vector]:
    """Yield the vectors of all groups; what is no list is about the file."""
    groups: list[list[Vector]] = [group for group in document.values() if isinstance(group, list)]
    for group in groups:
        yield from group


def _written(document: dict[str, Any]) -> str:
    parts = [f"  {json.dumps(key)}: {_group(value)}" for key, value in document.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _group(value: str | list[Vector]) -> str:
    if isinstance(value, str):
        return _member(value)
    return "[\n" + ",\n".join(map(_line, value)) + "\n  ]"


def _member(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _line(vector: Vector) -> str:
    line = f"    {_member(vector)}"
    if len(line) <= _ONE_LINE:
        return line
    members = [f"      {json.dumps(k)}: {_member(v)}" for k, v in vector.items()]
    return "    {\n" + ",\n".join(members) + "\n    }"


def sizes(folder: Path = FOLDER) -> str:
    """Return the SPEC's table of sizes, measured on the accepted frames."""
    rows = ["| frame | body, B | sealed, B | as SMS text |", "|---|---:|---:|---:|"]
    for vector in json.loads((folder / "frames.json").read_text())["accepted"]:
        data = bytes.fromhex(vector["frame"])
        text = len(base64.urlsafe_b64encode(data).rstrip(b"="))
        rows.append(f"| {vector['name']} | {len(vector['body']) // 2} | {len(data)} | {text} |")
    return "\n".join(rows)


def stale(folder: Path = FOLDER) -> list[Path]:
    """Return the files whose computed bytes are not current."""
    files = [folder / f"{name}.json" for name in FILL]
    return [file for file in files if filled(file.stem, file.read_text()) != file.read_text()]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="opaska_tools.vectors", description="Protocol vectors.")
    parser.add_argument("--check", action="store_true", help="name stale files, write nothing")
    parser.add_argument("--sizes", action="store_true", help="print the table of sizes")
    asked = parser.parse_args()
    if asked.sizes:
        print(sizes())
        return 0
    files = stale()
    for file in files:
        print(f"{file.name}: {'stale' if asked.check else 'written'}")
        if not asked.check:
            file.write_text(filled(file.stem, file.read_text()))
    return 1 if asked.check and files else 0


if __name__ == "__main__":
    sys.exit(main())
