# SPDX-License-Identifier: Apache-2.0
"""Links the modules of an image: what nobody uses is left out, constants become their values.

MicroPython compiles one module at a time, so each public constant stays in the dictionary of its
module, and what only a gateway calls stays too. Seen together, most of it is not needed: a
constant is written where it is used; `__slots__`, `__all__` and imports for annotations go, and
so does each definition whose name no living code mentions. A name is enough to live, be it an
attribute of something else or a text, so too little is left out, never too much. Lines keep their
numbers.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from opaska_tools.firmware_constants import Module, assigned, constants, is_const, module_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opaska_tools.firmware_constants import Key, Value

_PURE = (
    *(ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Name, ast.Attribute, ast.Load),
    *(ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop),
)
_NEVER = ("__all__", "__slots__")  # mean nothing to MicroPython


def linked(
    sources: dict[Path, str], whole: Iterable[Path], users: Iterable[str] = ()
) -> dict[Path, str]:
    """The text of each module, to be compiled. The modules `whole` keep all they have, and what
    the programs `users` mention lives, too."""
    modules = {module.name: module for module in map(Module, sources, sources.values())}
    values = constants(modules)
    living = _Living(modules, values, {module_name(path) for path in whole}, users)
    return {module.path: _written(module, living) for module in modules.values()}


@dataclass(eq=False)
class _Unit:
    """What can be left out: a definition, also of a method, an assignment, an import."""

    module: Module
    node: ast.stmt
    names: tuple[str, ...]  # one of them is enough to keep it
    owner: _Unit | None = None  # the class of a method
    inner: list[_Unit] = field(default_factory=list["_Unit"])


class _Living:
    """The units that are kept, and the constants used in them."""

    def __init__(
        self,
        modules: dict[str, Module],
        values: dict[Key, Value],
        whole: set[str],
        users: Iterable[str],
    ) -> None:
        self.values = values
        self.units: set[_Unit] = set()
        self.folded: dict[Module, list[tuple[ast.expr, Value]]] = defaultdict(list)
        self._modules = modules
        self._whole = whole
        self._names: set[str] = set()  # mentioned
        self._used: set[Key] = set()  # names mentioned within the module that they belong to
        for user in users:
            self._mention_all(user)
        waiting = [unit for module in modules.values() for unit in _units(module)]
        for module in modules.values():
            for statement in module.tree.body:
                if not any(unit.node is statement for unit in waiting if unit.module is module):
                    self._look(module, statement)
        self.all = waiting
        while waiting:
            woken = [unit for unit in waiting if self._is_meant(unit)]
            if not woken:
                return
            waiting = [unit for unit in waiting if unit not in woken]
            for unit in woken:
                self._wake(unit)

    def kept(self, unit: _Unit) -> list[ast.alias]:
        """What an import brings that is used."""
        assert isinstance(unit.node, ast.Import | ast.ImportFrom)
        return [alias for alias in unit.node.names if self._wants(unit.module, alias)]

    def _wants(self, module: Module, alias: ast.alias) -> bool:
        local = alias.asname or alias.name.partition(".")[0]
        return module.name in self._whole or (module.name, local) in self._used

    def _is_meant(self, unit: _Unit) -> bool:
        if isinstance(unit.node, ast.Import | ast.ImportFrom):
            return bool(self.kept(unit))
        if unit.module.name in self._whole:
            return True
        if unit.owner and unit.owner not in self.units:
            return False
        return any(name in self._names for name in unit.names)

    def _wake(self, unit: _Unit) -> None:
        self.units.add(unit)
        self._look(unit.module, unit.node, [inner.node for inner in unit.inner])

    def _look(self, module: Module, node: ast.AST, but: list[ast.stmt] | None = None) -> None:
        """Take down what a piece of living code mentions."""
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            key = module.key(node, self._modules)
            if key in self.values:
                self.folded[module].append((node, self.values[key]))
                return
        if isinstance(node, ast.JoinedStr):
            for inner in ast.walk(node):
                self._mention(module, inner)
            return
        self._mention(module, node)
        for inner in _run(node):
            if inner not in (but or ()):
                self._look(module, inner, but)

    def _mention(self, module: Module, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self._names.add(node.id)
            self._used.add((module.name, node.id))
        elif isinstance(node, ast.Attribute):
            self._names.add(node.attr)
            self._used |= {(name, node.attr) for name in self._modules}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._names.add(node.value)
        elif isinstance(node, ast.ImportFrom):
            self._import(module, node)

    def _mention_all(self, user: str) -> None:
        module = Module(Path("user.py"), user)
        for node in ast.walk(module.tree):
            self._mention(module, node)
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._names |= {alias.name for alias in node.names}
                self._used |= {(module.origin(node), alias.name) for alias in node.names}

    def _import(self, module: Module, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if node not in module.tree.body or self._wants(module, alias):
                self._names.add(alias.name)
                self._used.add((module.origin(node), alias.name))


def _units(module: Module) -> Iterator[_Unit]:
    for statement in module.tree.body:
        unit = _unit(module, statement)
        if unit:
            yield unit
            yield from unit.inner


def _unit(module: Module, node: ast.stmt) -> _Unit | None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return _Unit(module, node, (node.name,))
    if isinstance(node, ast.ClassDef):
        unit = _Unit(module, node, (node.name,))
        for inner in node.body:
            found = _unit(module, inner)
            if found and not any(_is_special(name) for name in found.names):
                found.owner = unit
                unit.inner.append(found)
        return unit
    if isinstance(node, ast.Import | ast.ImportFrom):
        return _Unit(module, node, ())
    names = tuple(name for name, _ in assigned(node))
    if names and isinstance(node, ast.Assign) and _is_pure(node.value):
        return _Unit(module, node, tuple(name for name in names if name not in _NEVER))
    return None


def _is_special(name: str) -> bool:
    return name[:2] == name[-2:] == "__" and name not in _NEVER


def _is_pure(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and is_const(node):
        return True
    return all(isinstance(inner, _PURE) for inner in ast.walk(node))


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that a band runs: not what is there for the checker of types."""
    for name, part in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        if name == "body" and isinstance(node, ast.If) and _is_for_types(node):
            continue
        if name == "func" and isinstance(node, ast.Call) and is_const(node):
            continue
        parts = cast("list[object]", part if isinstance(part, list) else [part])
        yield from (inner for inner in parts if isinstance(inner, ast.AST))


def _is_for_types(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


# --- the text ---


def _written(module: Module, living: _Living) -> str:
    """The text without what is dead, in the same lines."""
    edits: list[tuple[ast.expr | ast.stmt, str]] = []
    edits += [(node, _literal(value)) for node, value in living.folded[module]]
    for unit in living.all:
        if unit.module is module:
            if unit not in living.units:
                if unit.owner is None or unit.owner in living.units:
                    edits.append((unit.node, "pass"))
            elif isinstance(unit.node, ast.Import | ast.ImportFrom):
                kept = ast.copy_location(_with(unit.node, living.kept(unit)), unit.node)
                edits.append((unit.node, ast.unparse(kept)))
    lines = [line.encode() for line in module.text.splitlines(keepends=True)]
    for node, text in sorted(edits, key=lambda edit: _begin(edit[0]), reverse=True):
        _replace(lines, node, text)
    return b"".join(lines).decode()


def _literal(value: Value) -> str:
    return f"({value})" if isinstance(value, int) and value < 0 else repr(value)


def _with(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> ast.stmt:
    if isinstance(node, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(node.module, names, node.level)


def _begin(node: ast.stmt | ast.expr) -> tuple[int, int]:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min(part.lineno for part in [node, *decorators]), node.col_offset


def _replace(lines: list[bytes], node: ast.stmt | ast.expr, text: str) -> None:
    first, column = _begin(node)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    rest = lines[node.end_lineno - 1][node.end_col_offset :]
    between = b"\n" * (node.end_lineno - first)
    lines[first - 1] = lines[first - 1][:column] + text.encode() + rest.rstrip(b"\n") + b"\n"
    lines[first : node.end_lineno] = [b"\n"] * len(between)
