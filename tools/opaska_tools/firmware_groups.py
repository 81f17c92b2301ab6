# SPDX-License-Identifier: Apache-2.0
"""Which modules of an image are always loaded together.

An import at the top of a module is part of loading it; one in a function is a door of its own,
and imports that stand together are one door. Two modules belong together if the same doors load
them, not counting doors behind which they are there already.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from opaska_tools.firmware_modules import CannotJoin, parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opaska_tools.firmware_modules import Import, Source


class _Door(NamedTuple):
    """Imports in a function of `module`."""

    module: str
    number: int
    targets: tuple[str, ...]


def grouped(
    sources: Mapping[str, Source], entries: list[str], alone: set[str]
) -> dict[str, list[str]]:
    """The modules of each group in the order in which they are loaded, by the name of one.
    `entries`: those that others load, one after the other; `alone`: those that join nobody."""
    needs = {
        name: list(dict.fromkeys(_needs(source, sources))) for name, source in sources.items()
    }
    doors = [_Door("", number, (entry,)) for number, entry in enumerate(entries)]
    doors += [door for source in sources.values() for door in _doors(source, sources)]
    behind = {door: set(_loaded(door.targets, needs)) for door in doors}
    there = _there(doors, behind, needs)
    for number in range(1, len(entries)):
        there[doors[number]] = set[str]().union(*(behind[door] for door in doors[:number]))
    by_doors: dict[tuple[str, frozenset[_Door]], list[str]] = defaultdict(list)
    for name in _loaded([target for door in doors for target in door.targets], needs):
        through = [door for door in doors if name in behind[door] - there[door]]
        by_doors[name if name in alone else "", frozenset(through)].append(name)
    asked = {target for door in doors for target in door.targets}
    return {_leader(names, asked): names for names in by_doors.values()}


def _leader(names: list[str], asked: set[str]) -> str:
    """Of those that are asked for, the last that lies in no deeper folder than others."""
    found = [name for name in names if name in asked] or names
    return min(reversed(found), key=lambda name: name.count("."))


def _there(
    doors: list[_Door], behind: dict[_Door, set[str]], needs: dict[str, list[str]]
) -> dict[_Door, set[str]]:
    """What is certainly loaded before somebody comes to the door."""
    there = {door: set[str](needs) if door.module else set[str]() for door in doors}
    while True:
        before = dict(there)
        for door in doors:
            if door.module:
                ways = [before[one] | behind[one] for one in doors if door.module in behind[one]]
                there[door] = set(_loaded([door.module], needs)).union(_common(ways))
        if there == before:
            return there


def _common(ways: list[set[str]]) -> set[str]:
    found = set(ways[0]) if ways else set[str]()
    for way in ways:
        found &= way
    return found


def _loaded(names: list[str] | tuple[str, ...], needs: dict[str, list[str]]) -> list[str]:
    """These and what they need, first what is needed."""
    order: list[str] = []

    def load(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise CannotJoin(f"{name} needs itself; import one of the two in a function")
        if name not in order:
            for inner in needs[name]:
                load(inner, (*path, name))
            order.append(name)

    for name in names:
        load(name, ())
    return order


def _needs(source: Source, sources: Mapping[str, Source]) -> Iterator[str]:
    """The modules that are imported with it."""
    ways = [by for found in source.top.names.values() for by in found if by]
    yield from _modules(ways, sources)


def _modules(imports: Iterable[Import], sources: Mapping[str, Source]) -> Iterator[str]:
    for by in imports:
        inside = (f"{by.origin}.{by.name}", by.origin)
        yield from [name for name in inside if name in sources][:1]


def _doors(source: Source, sources: Mapping[str, Source]) -> Iterator[_Door]:
    number = 0
    for block in _blocks(source.tree, inside=False):
        targets: list[str] = []
        for statement in [*block, None]:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                targets += _modules(source.imports(statement), sources)
            elif targets:
                yield _Door(source.name, number, tuple(targets))
                number += 1
                targets = []


def _blocks(node: ast.AST, *, inside: bool) -> Iterator[list[ast.AST]]:
    """What stands together in functions."""
    inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for name in ("body", "orelse", "finalbody"):
        block: object = getattr(node, name, None)
        if inside and isinstance(block, list):
            yield [part for part in parts(node) if part in block]
    for part in parts(node):
        yield from _blocks(part, inside=inside)
