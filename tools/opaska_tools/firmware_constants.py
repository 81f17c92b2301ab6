# SPDX-License-Identifier: Apache-2.0
"""The modules of an image as the linker reads them: what a name means, and which are constants."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Key = tuple[str, str]  # module, name
    Value = int | str | bool

_SMALL = 1 << 30  # an ESP32 keeps an int below it in the code, others on the heap
_SHORT = 10  # characters; MicroPython makes a name of a text up to here, of others an object
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.FloorDiv: lambda left, right: left // right,
    ast.LShift: lambda left, right: left << right,
    ast.RShift: lambda left, right: left >> right,
    ast.BitOr: lambda left, right: left | right,
    ast.BitAnd: lambda left, right: left & right,
}


class Module:
    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self.name = module_name(path)
        self.package = self.name if path.stem == "__init__" else self.name.rpartition(".")[0]
        self.tree = ast.parse(text)
        self.imports: dict[str, set[tuple[str, str]]] = defaultdict(set)  # by local name
        self.bound: Counter[str] = Counter()  # how often in other ways
        self.changed: set[str] = set()  # attributes of anything, perhaps of another module
        for node in ast.walk(self.tree):
            self._note(node)

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            self.bound[node.id] += 1
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            self.changed.add(node.attr)
        elif isinstance(node, ast.arg):
            self.bound[node.arg] += 1
        elif isinstance(node, ast.ExceptHandler) and node.name:
            self.bound[node.name] += 1
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                self.imports[alias.asname or alias.name].add((self.origin(node), alias.name))
        elif isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.If):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    self.bound[inner.name] += 1

    def origin(self, node: ast.Import | ast.ImportFrom) -> str:
        """The module that something is imported from; "" when whole modules are."""
        if isinstance(node, ast.Import):
            return ""
        above = self.package.split(".")[: 1 - node.level or None] if node.level else []
        return ".".join([*above, *([node.module] if node.module else [])])

    def key(self, node: ast.AST, modules: dict[str, Module]) -> Key | None:
        """Which module-level name is meant, when that is certain."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found = self._imported(node.value.id)
            inside = found and ".".join(found)
            return modules[inside].real(node.attr, modules) if inside in modules else None
        return self.real(node.id, modules) if isinstance(node, ast.Name) else None

    def real(self, name: str, modules: dict[str, Module]) -> Key | None:
        """The module that this name of ours comes from, and its name there."""
        found = self._imported(name)
        if found and found[0] in modules:
            return modules[found[0]].real(found[1], modules)
        return (self.name, name) if self.bound[name] == 1 and not found else None

    def _imported(self, name: str) -> tuple[str, str] | None:
        found = self.imports.get(name, ())
        return next(iter(found)) if len(found) == 1 and not self.bound[name] else None


def module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def constants(modules: dict[str, Module]) -> dict[Key, Value]:
    """Numbers and short texts that have one value and a name in a module."""
    values: dict[Key, Value] = {}
    changed = {name for module in modules.values() for name in module.changed}
    before = -1
    while before < len(values):
        before = len(values)
        for module in modules.values():
            for statement in module.tree.body:
                for name, node in assigned(statement):
                    if module.bound[name] == 1 and not {name} & (changed | {*module.imports}):
                        value = _value(node, module, modules, values)
                        if value is not None:
                            values[module.name, name] = value
    return values


def assigned(statement: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What is given a name here, and which."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=True):
            if isinstance(one, ast.Name):
                yield one.id, its


def _value(
    node: ast.expr, module: Module, modules: dict[str, Module], values: dict[Key, Value]
) -> Value | None:
    def inner(node: ast.expr) -> Value | None:
        return _value(node, module, modules, values)

    value: Value | None = None
    if isinstance(node, ast.Constant) and isinstance(node.value, int | str):
        value = node.value
    elif isinstance(node, ast.Call) and is_const(node):
        return inner(node.args[0])
    elif isinstance(node, ast.Name | ast.Attribute):
        key = module.key(node, modules)
        return values.get(key) if key else None
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        operand = inner(node.operand)
        value = -operand if isinstance(operand, int) else None
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = inner(node.left), inner(node.right)
        if isinstance(left, int) and isinstance(right, int):
            value = _OPERATORS[type(node.op)](left, right)
    if isinstance(value, str):
        return value if len(value) <= _SHORT else None
    return value if value is not None and abs(value) < _SMALL else None


def is_const(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "const"
