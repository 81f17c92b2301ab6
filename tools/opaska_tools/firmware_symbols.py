# SPDX-License-Identifier: Apache-2.0
"""What a name in one module of an image means: something that a module binds, perhaps another."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from opaska_tools.firmware_modules import CannotJoin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opaska_tools.firmware_modules import Import, Source, Use


class Symbol(NamedTuple):
    """What a module binds; `module` "" is outside of the image."""

    module: str
    name: str


class Meanings:
    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources
        self._attribute_of: dict[ast.AST, ast.Attribute] = {
            node.value: node
            for source in sources.values()
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Attribute)
        }

    def _symbol(self, source: Source, use: Use) -> Symbol | None:
        """Of a module, or none: a local name, or one of MicroPython's own."""
        if use.scope is None:
            return None
        if use.scope is source.top:
            return self.bound(source, use.name)
        found = {self.imported(by) for by in use.scope.names[use.name] if by}
        if not found or found == {None}:
            return None
        if len(found) > 1 or None in use.scope.names[use.name]:
            raise CannotJoin(f"{source.name}: {use.name} has two meanings; give one another name")
        return found.pop()

    def bound(self, source: Source, name: str) -> Symbol:
        ways = source.top.names[name]
        if len(ways) == 1 and ways[0] and ways[0].node in source.tree.body:
            by = ways[0]
            return self.imported(by) or Symbol("", f"{by.origin}:{by.name}" if by.name else name)
        return Symbol(source.name, name)

    def imported(self, by: Import) -> Symbol | None:
        """None: not of this image. A module of it is the symbol with its name and ""."""
        inside = f"{by.origin}.{by.name}" if by.name else by.origin
        if inside in self.sources:
            return Symbol(inside, "")
        if by.origin in self.sources:
            return self.bound(self.sources[by.origin], by.name)
        return None

    def of(self, source: Source, use: Use) -> tuple[ast.AST, Symbol] | None:
        """The whole expression and its symbol: of `module.name`, too."""
        symbol = self._symbol(source, use)
        node = use.node
        while symbol and not symbol.name:
            outer = self._attribute_of.get(node)
            if not outer or not isinstance(outer.ctx, ast.Load):
                return node, symbol
            node = outer
            inner = self.sources.get(f"{symbol.module}.{node.attr}")
            symbol = (
                Symbol(inner.name, "")
                if inner
                else self.bound(self.sources[symbol.module], node.attr)
            )
        return (node, symbol) if symbol else None

    def heirs(self) -> Iterator[tuple[str, str]]:
        """(a module, one of another class that a class there inherits from)"""
        for source in self.sources.values():
            classes = [node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
            inside = {part for node in classes for base in node.bases for part in ast.walk(base)}
            for use in source.uses:
                meaning = self.of(source, use) if use.node in inside else None
                if meaning and meaning[1].module:
                    yield source.name, meaning[1].module
