# SPDX-License-Identifier: Apache-2.0
"""The vectors as test parameters, and scripts of tests/on_micropython run by MicroPython."""

import functools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opaska_protocol import cbor
from opaska_tools.vectors import parse_notation
from tests.support.requirements import program

ROOT = Path(__file__).parents[2]
PROTOCOL = ROOT / "shared_protocol"
FOLDER = PROTOCOL / "vectors"
BAND_HEAP = "256K"  # the heap that the whole band must do with

Vector = dict[str, Any]


@functools.cache
def document(name: str) -> dict[str, Any]:
    """Return one file of vectors."""
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return read


def vectors(*names: str, group: str | None = None) -> Iterator[tuple[str, str, Vector]]:
    """Yield (file, group, vector), of all groups or one."""
    for name in names:
        for found, listed in document(name).items():
            if isinstance(listed, list) and group in (None, found):
                for vector in listed:
                    yield name, found, vector


def parameters(*names: str, group: str | None = None) -> pytest.MarkDecorator:
    """Parametrize a test with every vector as (name, group, vector)."""
    listed = list(vectors(*names, group=group))
    ids = [f"{name}-{found}-{vector['name']}".replace(" ", "_") for name, found, vector in listed]
    return pytest.mark.parametrize(("name", "group", "vector"), listed, ids=ids)


def frame(name: str) -> bytes:
    """Return an accepted frame by its name."""
    found = [v for _, _, v in vectors("frames", group="accepted") if v["name"] == name]
    return bytes.fromhex(found[0]["frame"])


def corpus(decoder: str, longest: int = 256) -> list[bytes]:
    """Return the seed frames of a fuzzed decoder, accepted and refused."""
    if decoder == "settings":
        listed = (v["arguments"] for _, _, v in vectors("orders", group="accepted"))
        found = [cbor.encode(parse_notation(text)).hex() for text in listed]
    elif decoder in ("up", "down"):
        found = [v["frame"] for _, _, v in vectors("frames") if v["way"] == decoder]
    else:
        name, member = _BODIES.get(decoder, ("cbor", "hex"))
        found = [v[member] for _, _, v in vectors(name)]
    return [bytes.fromhex(text) for text in found if len(text) <= 2 * longest]


_BODIES = {
    "report": ("reports", "body"),
    "answer": ("answers", "body"),
    "order": ("orders", "body"),
    "motion": ("motion", "data"),
}


def micropython(
    script: str, *arguments: str, heap: str = BAND_HEAP, stdin: str = "", timeout_s: int = 240
) -> str:
    """Return what tests/on_micropython/<script> prints; it must end well."""
    path = os.pathsep.join([str(ROOT), str(PROTOCOL), ".frozen"])
    done = subprocess.run(
        [
            program("micropython"),
            "-X",
            f"heapsize={heap}",
            str(ROOT / "tests/on_micropython" / script),
            *arguments,
        ],
        input=stdin,
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout
