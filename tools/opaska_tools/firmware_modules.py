# SPDX-License-Identifier: Apache-2.0
"""The modules of a linked image as the joiner reads them: what each binds, whom it imports, and
which names in its functions mean something of a module."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from opaska_tools.firmware_constants import module_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_UNKNOWN = (ast.Nonlocal, ast.NamedExpr, ast.JoinedStr, ast.Match)
_SKIPPED = ("annotation", "returns")  # no code


class CannotJoin(Exception):
    """A source that would change its meaning in one module with others: write it another way."""


@dataclass(eq=False)
class Import:
    """One name that an import binds: `name` of the module `origin`, or that module ("")."""

    node: ast.Import | ast.ImportFrom
    origin: str
    name: str
    local: str


@dataclass(eq=False)
class Scope:
    """What a function, a class or a whole module binds; None: in another way than by import."""

    node: ast.AST
    names: dict[str, list[Import | None]] = field(default_factory=dict[str, "list[Import | None]"])
    outer: Scope | None = None

    def bind(self, name: str, by: Import | None = None) -> None:
        self.names.setdefault(name, []).append(by)


@dataclass(eq=False)
class Use:
    """A name in the code, or that of a definition, and the scope that it belongs to, if any."""

    node: ast.AST
    name: str
    scope: Scope | None
    at: Scope  # where it stands


class Source:
    """A module: all its `scopes`, the first of which is its own, and its `uses` of names."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self.name = module_name(path)
        is_package = path.stem == "__init__"
        self._package = self.name if is_package else self.name.rpartition(".")[0]
        self.tree = ast.parse(text)
        self.scopes: list[Scope] = []
        self.uses: list[Use] = []
        self.rebound: set[str] = set()  # names of the module that functions give something else
        self.attributes: list[tuple[ast.AST, str]] = []  # also the methods of classes
        self.own_attributes: set[str] = set()  # that it gives to objects of its classes
        self.globals: list[ast.Global] = []
        self.mentioned: Counter[str] = Counter()  # any name, also in a text
        self.top = self._enter(self.tree, self.tree.body, None)
        self._look_all(self.tree.body, self.top)
        for node in ast.walk(self.tree):
            self._mention(node)

    def _mention(self, node: ast.AST) -> None:
        if isinstance(node, ast.ClassDef):
            self.attributes += [
                (one, one.name) for one in node.body if isinstance(one, _DEFINITIONS)
            ]
            self.own_attributes |= {one.name for one in node.body if isinstance(one, _DEFINITIONS)}
        elif isinstance(node, ast.Attribute):
            self.attributes.append((node, node.attr))
            is_self = isinstance(node.value, ast.Name) and node.value.id == "self"
            if is_self and isinstance(node.ctx, ast.Store):
                self.own_attributes.add(node.attr)
        for value in (one for _, one in ast.iter_fields(node)):
            if isinstance(value, str):
                self.mentioned[value] += 1

    def local_names(self) -> Iterator[str]:
        """What functions bind, but for imports."""
        for scope in self.scopes[1:]:
            if not isinstance(scope.node, ast.ClassDef):
                yield from (name for name, ways in scope.names.items() if None in ways)

    def imports(self, node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
        for alias in node.names:
            if isinstance(node, ast.Import):
                local = alias.asname or alias.name.partition(".")[0]
                yield Import(node, alias.name, "", local)
            else:
                yield Import(node, self._origin(node), alias.name, alias.asname or alias.name)

    def _origin(self, node: ast.ImportFrom) -> str:
        above = self._package.split(".")[: 1 - node.level or None] if node.level else []
        return ".".join([*above, *([node.module] if node.module else [])])

    def _enter(self, node: ast.AST, body: list[ast.stmt], outer: Scope | None) -> Scope:
        scope = Scope(node, outer=outer)
        self.scopes.append(scope)
        for statement in body:
            self._bind(scope, statement)
        for name in [name for one in body for name in _globals(one)]:
            scope.names.pop(name, None)
            self.rebound.add(name)
        return scope

    def _bind(self, scope: Scope, node: ast.AST) -> None:
        """What the node binds in a scope; `global` names are not the function's."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            for one in self.imports(node):
                scope.bind(one.local, one)
        elif isinstance(node, _DEFINITIONS):
            scope.bind(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            scope.bind(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name and scope.outer:
            scope.bind(node.name)
        elif isinstance(node, _UNKNOWN) or (isinstance(node, ast.ExceptHandler) and node.name):
            what = f"{type(node).__name__} in line {node.lineno}"
            raise CannotJoin(f"{self.name}: {what} is not understood; write it without")
        if not isinstance(node, (*_DEFINITIONS, *_COMPREHENSIONS, ast.Lambda)):
            for inner in parts(node):
                self._bind(scope, inner)

    def _look_all(self, nodes: list[ast.stmt], scope: Scope) -> None:
        for node in nodes:
            self._look(node, scope)

    def _look(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Name):
            self._use(node, node.id, scope)
        elif isinstance(node, ast.Global):
            self.globals.append(node)
        if isinstance(node, (*_DEFINITIONS, ast.Lambda)):
            self._look_inside(node, scope)
            return
        if isinstance(node, _COMPREHENSIONS):
            scope = self._enter(node, [], scope)
            for generator in node.generators:
                self._bind(scope, generator.target)
        for part in parts(node):
            self._look(part, scope)

    def _look_inside(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda,
        scope: Scope,
    ) -> None:
        for outside in _outside(node):
            self._look(outside, scope)
        if isinstance(node, ast.Lambda):
            inner = self._enter(node, [], scope)
            self._bind_arguments(inner, node)
            self._look(node.body, inner)
            return
        self._use(node, node.name, scope)
        inner = self._enter(node, node.body, scope)
        if not isinstance(node, ast.ClassDef):
            self._bind_arguments(inner, node)
        self._look_all(node.body, inner)

    def _bind_arguments(
        self, scope: Scope, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    ) -> None:
        for inner in ast.walk(node.args):
            if isinstance(inner, ast.arg):
                scope.bind(inner.arg)

    def _use(self, node: ast.AST, name: str, scope: Scope) -> None:
        found: Scope | None = scope
        while found and (
            name not in found.names
            or (found is not scope and isinstance(found.node, ast.ClassDef))
        ):
            found = found.outer
        self.uses.append(Use(node, name, found, scope))


def _globals(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Global):
        yield from statement.names


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that run."""
    is_never = isinstance(node, ast.If) and ast.unparse(node.test) == "False"
    for name, part in ast.iter_fields(node):
        if name in _SKIPPED or (is_never and name == "body"):
            continue
        inner = cast("list[object]", part if isinstance(part, list) else [part])
        yield from (one for one in inner if isinstance(one, ast.AST))


def _outside(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda,
) -> list[ast.expr]:
    """What is evaluated where the definition stands."""
    found = [] if isinstance(node, ast.Lambda) else [*node.decorator_list]
    if isinstance(node, ast.ClassDef):
        return [*found, *node.bases, *(one.value for one in node.keywords)]
    return [*found, *node.args.defaults, *(one for one in node.args.kw_defaults if one)]
