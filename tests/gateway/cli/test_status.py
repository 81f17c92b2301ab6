# SPDX-License-Identifier: Apache-2.0
"""`opaska status` by hand and from monitoring: its exit code, and that it makes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.gateway.cli.conftest import Run

KEYS = ["part", "state", "since_ms", "detail", "todo"]


def test_before_the_first_start_it_says_what_to_do_and_makes_nothing(
    run: Run, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    asked = run("status")
    assert asked.exit_code == 1
    verdict, *lines = asked.stdout.splitlines()
    assert verdict == "opaska\tneeds a human\t\t\tgateway, database"
    assert [line.split("\t")[0] for line in lines] == ["gateway", "database"]
    assert all("start" in line for line in lines)
    assert sorted(tmp_path.iterdir()) == before


def test_a_settings_file_that_cannot_be_used_is_told_as_everywhere(
    run: Run, settings_file: Path
) -> None:
    settings_file.write_text("[brokr]\n", encoding="utf-8")
    asked = run("status", "--json")
    assert (asked.exit_code, asked.stdout) == (2, "")
    assert "write broker" in asked.stderr


def test_what_needs_a_human_stands_first_and_names_nobody(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("bands", "add", "--label", "7")
    person = run("people", "add", "--name", "Maria Nowak").stdout.strip()
    run("people", "assign", person, "7")
    asked = run("status", "--json")
    assert asked.exit_code == 1
    lines = json.loads(asked.stdout)
    assert all(list(line) == KEYS for line in lines)
    assert [line["part"] for line in lines[:3]] == ["opaska", "gateway", "cases"]
    assert [line["part"] for line in lines if line["todo"]] == ["gateway"]
    monkeypatch.setattr("opaska_gateway.commands.output._is_terminal", lambda: True)
    table = run("status").stdout
    assert "WHAT TO DO" in table
    assert not [word for word in ("Nowak", person) if word in asked.stdout + table]


def test_ages_are_told_so_that_they_can_be_compared() -> None:
    from opaska_gateway.commands.status import in_words

    words = {0: "0 s", 179: "179 s", 180: "3 min", 10_799: "179 min", 10_800: "3 h"}
    words |= {259_199: "71 h", 259_200: "3 d", -7_200: "-7200 s"}
    assert {ago_s: in_words(ago_s) for ago_s in words} == words
