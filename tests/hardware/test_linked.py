# SPDX-License-Identifier: Apache-2.0
"""A linked image has all that living code means, in the same lines, and nothing besides."""

from __future__ import annotations

import ast
import builtins
import symtable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opaska_tools import firmware_build
from opaska_tools.firmware_link import linked

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN = Path("main.py")
SOURCES = {
    MAIN: "from band import boot\nboot.run()\n",
    Path("band/__init__.py"): "",
    Path("band/boot.py"): """
from micropython import const

from . import codes
from .codes import LATE, Code as Other
from .parts import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .codes import never_seen

_WAIT_MS = const(codes.TICK_MS * 2)

def run(code: Other = None) -> "Other":
    part = Part()
    print(_WAIT_MS, codes.LOW, LATE, f"{codes.SHOWN}", part.used(), codes.table)

@property
def unused(
    more=1,
): return codes.HIDDEN
""",
    Path("band/codes.py"): """
__all__ = ("LATE",)
TICK_MS = 20
LOW, HIGH = -1, 1
LATE = "late"
SHOWN = 3
HIDDEN = 4
LONG_TEXT = "more than ten characters"
TWICE = 1
TWICE = 2
table = (LATE, LONG_TEXT, TWICE)

class Code:
    pass

def never_seen(): pass
""",
    Path("band/parts.py"): """
class Part:
    __slots__ = ("a",)
    def __init__(self): self.a = 1
    def used(self): return self.a
    def unused_too(self):
        return 2
""",
}


def test_what_nobody_uses_is_left_out_and_constants_are_written_where_they_are_used() -> None:
    out = linked(SOURCES, [MAIN])
    assert out[MAIN] == SOURCES[MAIN]
    assert out[Path("band/codes.py")].split("\n") == [
        *("", "pass", "pass", "pass", "pass"),
        *("SHOWN = 3", "pass", 'LONG_TEXT = "more than ten characters"'),
        *("TWICE = 1", "TWICE = 2", "table = ('late', LONG_TEXT, TWICE)"),
        *("", "pass", "", "", "pass", ""),
    ]
    assert out[Path("band/parts.py")].split("\n") == [
        *("", "class Part:", "    pass"),
        *("    def __init__(self): self.a = 1", "    def used(self): return self.a"),
        *("    pass", "", ""),
    ]
    boot = out[Path("band/boot.py")]
    assert "print(40, (-1), 'late', f\"{codes.SHOWN}\", part.used(), codes.table)" in boot
    for gone in ("const", "import LATE", "HIDDEN", "unused", "_WAIT_MS"):
        assert gone not in boot


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_lines_keep_their_numbers(path: Path) -> None:
    text = linked(SOURCES, [MAIN])[path]
    assert text.count("\n") == SOURCES[path].count("\n")
    before = {node.name: node.lineno for node in _definitions(SOURCES[path])}
    after = {node.name: node.lineno for node in _definitions(text)}
    assert after.items() <= before.items()


def test_a_name_that_means_two_things_is_no_constant() -> None:
    clash = "LIMIT = 5\ndef run(LIMIT=6): return LIMIT\n"
    sources = {MAIN: "import a\na.run()\n", Path("a.py"): clash}
    assert linked(sources, [MAIN])[Path("a.py")] == clash


def test_what_another_module_changes_is_no_constant() -> None:
    main = "import a, b\nb.run()\nprint(a.online)\n"
    sources = {
        MAIN: main,
        Path("a.py"): "online = False\n",
        Path("b.py"): "import a\ndef run(): a.online = True\n",
    }
    assert linked(sources, [MAIN]) == sources


def test_what_a_user_mentions_lives_and_the_rest_does_not() -> None:
    sources = {Path("chip.py"): "ON = 1\nOFF = 0\ndef go(): return ON\ndef stay(): return OFF\n"}
    [text] = linked(sources, [], ["import chip\nchip.go(chip.OFF)\n"]).values()
    assert text == "pass\nOFF = 0\ndef go(): return 1\npass\n"


def test_a_linked_band_finds_every_name_that_it_looks_up() -> None:
    folder = firmware_build.built(*firmware_build.BAND, link=True) / "sources"
    paths = list(folder.rglob("*.py"))
    assert len(paths) > 20
    for path in paths:
        module = symtable.symtable(_without_annotations(path), str(path), "exec")
        symbols = module.get_symbols()
        defined = {one.get_name() for one in symbols if one.is_assigned() or one.is_imported()}
        missing = (
            set(_looked_up(module)) - defined - set(dir(builtins)) - {"__file__", "const"}
        )  # const is for the compiler
        assert not missing, f"{path}: {missing}"


def _without_annotations(path: Path) -> str:
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "False":
            node.body = [ast.Pass()]  # was TYPE_CHECKING
    return ast.unparse(tree)


def _looked_up(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_global() or (table.get_type() == "module" and not symbol.is_assigned()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _looked_up(inner)


def _definitions(text: str) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node
