# SPDX-License-Identifier: Apache-2.0
"""Modules that are always loaded together become one, and the program does what it did."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from opaska_tools.firmware_join import joined
from opaska_tools.firmware_modules import CannotJoin

MAIN = "from band import boot\nboot.run()\n"
ENTRIES = ["band.boot"]
SOURCES = {
    "band/__init__.py": "VERSION = 'a long text for a version'\n",
    "band/boot.py": """
import time as clock

from . import codes, parts
from .codes import look as _look

_kept = [1]
_runs = 0

def run(_look=_look, parts_look=3):
    global _runs
    _runs += codes.count()
    print(_runs, _look(), parts.look(), _kept, parts_look, clock.time() > 0)
    late(parts_look)

def late(look):
    from . import rare
    from .rare import Rare, look as other
    print(Rare().told(look), other(), rare.look(), "band.seldom" in __import__("sys").modules)
    from .seldom import give
    for codes in give():
        print(codes)
""",
    "band/codes.py": """
import time

LOW, HIGH = 1, 2
_runs = 7
def count():
    global _runs
    _runs += 1
    return _runs
class Code:
    look = 5
    def __init__(self):
        self._one, self._two = 1, 2
    def _sum(self):
        return self._one + self._two
def look():
    return ["codes", LOW + Code()._sum(), [time for time in (HIGH,)], Code.look]
""",
    "band/parts.py": """
from . import VERSION, codes
try:
    from .absent import decode
except ImportError:
    from .codes import look as decode
_kept = [2]
class Part(codes.Code):
    def _own(self, codes=codes.HIGH):
        self._kept = codes
        return lambda look: (self._kept, look, VERSION)
def look():
    _kept.append(len(decode()))
    return _kept, Part()._own()(4)
""",
    "band/rare.py": """
from . import table
from .codes import Code
class Rare(Code):
    def told(self, look):
        return look, self._sum(), read(table)
def read(table):
    return table.ROWS
def look():
    return "rare"
""",
    "band/table.py": "ROWS = (1, 2)\n",
    "band/seldom.py": "from .parts import look\ndef give():\n    return [look()]\n",
    "band/never.py": "def look(): pass\n",
}


def prints(folder: Path, sources: dict[Path, str]) -> str:
    for path, text in {Path("main.py"): MAIN, **sources}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=folder, check=False, capture_output=True, text=True
    )
    assert not done.stderr
    return done.stdout


def test_joined_modules_do_the_same(tmp_path: Path) -> None:
    sources = {Path(path): text for path, text in SOURCES.items()}
    before = prints(tmp_path / "before", sources)
    assert len(before.splitlines()) == 3
    assert prints(tmp_path / "after", joined(sources, ENTRIES)) == before


def test_what_is_imported_late_or_is_an_object_stays_a_module_and_the_rest_does_not() -> None:
    out = joined({Path(path): text for path, text in SOURCES.items()}, ENTRIES)
    assert sorted(map(str, out)) == [
        *("band/boot.py", "band/rare.py", "band/seldom.py", "band/table.py"),
    ]


def test_private_attributes_of_one_module_are_called_as_those_of_another() -> None:
    sources = {
        Path("a.py"): "import b\nclass A:\n    def f(self): self._first = self._shared = 1\n",
        Path("b.py"): "class B:\n    def f(self): self._second = self._shared = 1\n",
    }
    text = joined(sources, ["a"])[Path("a.py")]
    assert text.count("_a0") == 2
    assert text.count("_shared") == 2


def test_what_changes_is_not_copied_into_another_group() -> None:
    sources = {
        Path("a.py"): "def f():\n    import b\n    return b.x\n",
        Path("b.py"): "x = 0\ndef g():\n    global x\n    x = 1\n",
    }
    with pytest.raises(CannotJoin, match="x changes"):
        joined(sources, ["a"])


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    x = 0\n    def g():\n        nonlocal x\n        x = 1\n",
        "def f(x):\n    return f'{x}'\n",
        "try:\n    import a\nexcept OSError as error:\n    pass\n",
    ],
    ids=["nonlocal", "f-string", "except"],
)
def test_what_it_does_not_understand_it_refuses(text: str) -> None:
    with pytest.raises(CannotJoin, match=r"a: .* write it without"):
        joined({Path("a.py"): text}, ["a"])
