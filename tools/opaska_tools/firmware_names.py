# SPDX-License-Identifier: Apache-2.0
"""Numbers the private names of compiled modules, so that modules share them.

MicroPython keeps each name that is not its own in a table on the heap, however often it is used,
and the table that takes the 1,261st name takes 14 KB with it. A name that one file defines, and no
other mentions, can be called anything: `_0`, `_1` and so on, in every file again. Public names
stay, and so do the numbers of lines in tracebacks.

A compiled module lists its names at its begin and refers to them by their place in the list, so
only the list is written anew.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEADER = 4  # bytes before the two numbers that stand before the names


def number_private_names(compiled: dict[Path, Path]) -> None:
    """Rewrite these .mpy files (the keys), each compiled from its source."""
    used = Counter(name for file in compiled for name in set(names(file.read_bytes())))
    for file, source in compiled.items():
        own = sorted(name for name in _defined(source) if used[name] == 1)
        numbers = {name: f"_{number}" for number, name in enumerate(own)}
        file.write_bytes(_renamed(file.read_bytes(), numbers))


def names(code: bytes) -> list[str]:
    """The names that a module brings along."""
    return [name for name, _, _ in _listed(code)]


def _listed(code: bytes) -> Iterator[tuple[str, int, int]]:
    """Each name and where it stands: its length, twice, before it, and a 0 behind it."""
    count, at = _number(code, _HEADER)
    _, at = _number(code, at)  # of other constants, which come later
    for _ in range(count):
        begin = at
        length, at = _number(code, at)
        if not length & 1:  # else one of MicroPython's own, by its number
            end = at + (length >> 1)
            yield code[at:end].decode(), begin, end + 1
            at = end + 1


def _renamed(code: bytes, numbers: dict[str, str]) -> bytes:
    out = bytearray()
    done = 0
    for name, begin, end in _listed(code):
        if name in numbers:
            short = numbers[name].encode()
            out += code[done:begin] + bytes([len(short) << 1]) + short + b"\0"
            done = end
    return bytes(out) + code[done:]


def _number(code: bytes, at: int) -> tuple[int, int]:
    """(a number of seven bits a byte, where it ends)"""
    number = 0
    while True:
        byte = code[at]
        at += 1
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            return number, at


def _defined(source: Path) -> set[str]:
    """Private names that this file gives to something of its own and never writes as text."""
    tree = ast.parse(source.read_text("utf-8"))
    found: set[str] = set()
    texts: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                found.add(node.attr)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
    texts -= _slots(tree)
    return {name for name in found - texts if name[:1] == "_" != name[1:2] and name != "_"}


def _slots(tree: ast.Module) -> set[str]:
    """What stands in __slots__, which mean nothing to MicroPython."""
    return {
        text.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and any(isinstance(to, ast.Name) and to.id == "__slots__" for to in node.targets)
        for text in ast.walk(node.value)
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    }
