# SPDX-License-Identifier: Apache-2.0
"""Numbers private names and arguments of compiled modules, so that modules share them.

MicroPython keeps each name that is not its own in a table on the heap, however often it is used,
and the table that takes the 1,261st name takes 14 KB with it. A name that one file defines, and no
other mentions, can be called anything: `_0`, `_1` and so on, in every file again. So can an
argument that no call names. Public names stay, and so do the numbers of lines in tracebacks.

A compiled module lists its names at its begin and refers to them by their place in the list, so
only the list is written anew.
"""

from __future__ import annotations

import ast
import symtable
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_HEADER = 4  # bytes before the two numbers that stand before the names


def number_private_names(compiled: dict[Path, Path], *, arguments: bool = False) -> None:
    """Rewrite these .mpy files (the keys), each compiled from its source; `arguments`: only these
    files call each other, so it is known which arguments are named."""
    used = Counter(name for file in compiled for name in set(names(file.read_bytes())))
    named = _named_in_calls(compiled.values()) if arguments else set[str]()
    for file, source in compiled.items():
        own = {name for name in _defined(source) if used[name] == 1}
        if arguments:
            own |= _only_arguments(source) - named
        own_sorted = sorted(own & set(names(file.read_bytes())))
        numbers = {name: f"_{number}" for number, name in enumerate(own_sorted)}
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


def _named_in_calls(sources: Iterable[Path]) -> set[str]:
    """What a call may name an argument by: keywords, and any text, which may be in a map."""
    found: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def _only_arguments(source: Path) -> set[str]:
    """Names of arguments that are nothing else in this file, such as an attribute."""
    text = source.read_text("utf-8")
    arguments: set[str] = set()
    others = {"self"}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute):
            others.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            others.update((node.module or "").split("."))
        elif isinstance(node, ast.alias):
            others.update(node.name.split("."))
    for scope in _scopes(symtable.symtable(text, str(source), "exec")):
        for symbol in scope.get_symbols():
            if scope.get_type() != "function" or symbol.is_global():
                others.add(symbol.get_name())
            elif symbol.is_parameter():
                arguments.add(symbol.get_name())
    return arguments - others


def _scopes(scope: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield scope
    for inner in scope.get_children():
        yield from _scopes(inner)


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
