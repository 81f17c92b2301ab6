# SPDX-License-Identifier: Apache-2.0
"""Changes to the text of a module at the places that its syntax tree tells."""

from __future__ import annotations

import ast
from typing import NamedTuple


class Place(NamedTuple):
    """From one place in the text to another: lines from 1, columns from 0."""

    line: int
    begin: int
    last: int
    end: int


def place_of(text: str, node: ast.AST, attribute: str = "") -> Place:
    """Of a whole node, of its attribute, or of the name that it defines."""
    assert isinstance(node, ast.expr | ast.stmt)
    assert node.end_lineno
    assert node.end_col_offset
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        line = text.split("\n")[node.lineno - 1].encode()
        begin = line.index(node.name.encode(), node.col_offset + len("def "))
        return Place(node.lineno, begin, node.lineno, begin + len(node.name.encode()))
    if attribute:
        begin = node.end_col_offset - len(attribute)
        return Place(node.end_lineno, begin, node.end_lineno, node.end_col_offset)
    return Place(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def edited(text: str, edits: list[tuple[Place, str]]) -> str:
    """Lines keep their numbers."""
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    for place, new in sorted(edits, reverse=True):
        rest = lines[place.last - 1][place.end :]
        lines[place.line - 1] = lines[place.line - 1][: place.begin] + new.encode() + rest
        lines[place.line : place.last] = [b"\n"] * (place.last - place.line)
    return b"".join(lines).decode()
