# SPDX-License-Identifier: Apache-2.0
"""Private names and arguments in a band's image are numbers, and nothing else about its code has
changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_tools import firmware_build, firmware_names
from opaska_tools.firmware_names import names
from opaska_tools.simulator import places
from tests.hardware.conftest import halted, needs_micropython

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hardware.conftest import Boards

MODULES = {
    "shared": """
class Base:
    def __init__(self):
        self._kept = 1
        self._own = 2
""",
    "other": """
def _reads(base):
    return base._kept
""",
    "text": """
def f(a):
    a._stranger = 1
    return getattr(a, "_said")
def _said():
    pass
""",
}


def compiled(folder: Path, modules: dict[str, str]) -> dict[Path, Path]:
    files: dict[Path, Path] = {}
    for name, code in modules.items():
        source = folder / f"{name}.py"
        source.write_text(code)
        files[firmware_build._compile(folder, source.relative_to(folder), folder)] = source
    return files


def test_only_names_that_one_file_defines_and_no_other_mentions_are_numbered(
    tmp_path: Path,
) -> None:
    files = compiled(tmp_path, MODULES)
    before = {file.stem: names(file.read_bytes()) for file in files}
    firmware_names.number_private_names(files)
    after = {file.stem: names(file.read_bytes()) for file in files}
    renamed = {
        old: new
        for stem in before
        for old, new in zip(before[stem], after[stem], strict=True)
        if old != new
    }
    assert renamed == {"_own": "_0", "_reads": "_0"}


CALLS = {
    "called": """
LIMIT = 3
def f(plain, named, mapped, attribute, limit, item):
    return [item for item in plain.attribute] + [limit, named, mapped, attribute]
def g(LIMIT, len):
    return LIMIT + len
def h(it):
    return len(it)
""",
    "calls": """
import called
def k(plain):
    return called.f(plain, named=1, **{"mapped": 2})
""",
}


def test_only_arguments_that_no_call_names_and_nothing_else_is_called_are_numbered(
    tmp_path: Path,
) -> None:
    files = compiled(tmp_path, CALLS)
    before = {file.stem: names(file.read_bytes()) for file in files}
    firmware_names.number_private_names(files, arguments=True)
    after = {file.stem: names(file.read_bytes()) for file in files}
    renamed = {
        stem: {old for old, new in zip(before[stem], after[stem], strict=True) if old != new}
        for stem in before
    }
    assert renamed == {"called": {"plain", "limit", "item", "it"}, "calls": {"plain"}}


@pytest.mark.parametrize("which", ["band", "board"])
def test_image_has_few_private_names_and_no_two_of_a_module_became_one(which: str) -> None:
    folders = firmware_build.BAND if which == "band" else (places.BOARD,)
    image = firmware_build.built(*folders, link=which == "band")
    files = list((image / "files").rglob("*.mpy"))
    found = [names(file.read_bytes()) for file in files]
    assert all(len(set(listed)) == len(listed) for listed in found)
    private = {name for listed in found for name in listed if name[:1] == "_" and name[:2] != "__"}
    assert len(private) < 250


@needs_micropython
async def test_names_of_the_whole_band_fit_the_tables_before_the_one_of_14_kb(
    board: Boards,
) -> None:
    async with board("names", linked=True) as band:
        [line] = [line for line in await halted(band) if "n_qstr" in line]
    count = int(line.split("n_qstr=")[1].split(",")[0])
    print(f"{count} names")  # noqa: T201 - pytest -rP shows it
    assert count <= 1_260, "a name more costs 14 KB of heap: see firmware/README.md"
