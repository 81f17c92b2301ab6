# SPDX-License-Identifier: Apache-2.0
"""Habits of the repository that nobody should have to remember."""

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
MAX_LINES = 400  # a longer module has a second job; 60 to 250 is usual

MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:work|home|Users|root)/\w")
MARKDOWN_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
PIN = re.compile(r"^([\w.-]+)==(\S+)[^\n]*((?:\n    --hash=sha256:\w+.*)*)", re.MULTILINE)


@cache
def files() -> list[Path]:
    """Return what git tracks or would add."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    return [ROOT / name for name in sorted(set(names)) if name and (ROOT / name).is_file()]


@cache
def texts() -> dict[str, str]:
    """Return the text of every file that is text, by its name in the repository."""
    found: dict[str, str] = {}
    for path in files():
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            found[str(path.relative_to(ROOT))] = data.decode(errors="replace")
    return found


def pins(name: str) -> dict[str, tuple[str, str]]:
    """Return package -> (version, hashes) of a compiled requirements file."""
    text = (ROOT / "requirements" / name).read_text().replace(" \\", "")
    return {found[1]: (found[2], found[3]) for found in PIN.finditer(text)}


def wanted(name: str) -> list[Requirement]:
    """Return what `name` was compiled from."""
    if name == "run.txt":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        lines = project["dependencies"] + project["optional-dependencies"]["demo"]
    else:
        source = (ROOT / "requirements" / name).with_suffix(".in").read_text()
        lines = [line.split("#")[0].strip() for line in source.splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def test_python_files_name_their_licence() -> None:
    licence = "# SPDX-License-Identifier: Apache-2.0"
    bare = [
        name
        for name, text in texts().items()
        if name.endswith(".py") and licence not in text.splitlines()[:2]
    ]
    assert not bare


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    named = [
        f"{name}: {found[0]}"
        for name, text in texts().items()
        for found in MACHINE_PATH.finditer(text)
    ]
    assert not named


def test_links_in_documents_lead_somewhere() -> None:
    broken = [
        f"{name}: {link}"
        for name, text in texts().items()
        if name.endswith(".md")
        for link in MARKDOWN_LINK.findall(text)
        if "://" not in link and not (ROOT / name).parent.joinpath(link).exists()
    ]
    assert not broken


def test_modules_have_one_job() -> None:
    code = ("firmware/", "gateway/", "shared_protocol/", "tools/", "hardware/")
    long = [
        f"{name}: {len(text.splitlines())} lines"
        for name, text in texts().items()
        if name.endswith(".py") and name.startswith(code) and "/versions/" not in name
        if len(text.splitlines()) > MAX_LINES
    ]
    assert not long


@pytest.mark.parametrize("name", ["run.txt", "dev.txt", "oracle.txt", "typings.txt"])
def test_requirements_are_hashed_and_name_no_index(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links|--trusted-host", text)
    assert pins(name)
    assert not [package for package, (_, hashes) in pins(name).items() if not hashes]


@pytest.mark.parametrize("name", ["run.txt", "dev.txt", "oracle.txt", "typings.txt"])
def test_requirements_follow_their_source(name: str) -> None:
    pinned = pins(name)
    stale = [
        str(requirement)
        for requirement in wanted(name)
        if requirement.name not in pinned
        or not requirement.specifier.contains(Version(pinned[requirement.name][0]))
    ]
    assert not stale, "run requirements/compile.sh"


def test_both_halves_of_the_environment_agree() -> None:
    run, dev = pins("run.txt"), pins("dev.txt")
    assert not [name for name in run.keys() & dev.keys() if run[name][0] != dev[name][0]]
