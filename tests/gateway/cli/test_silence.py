# SPDX-License-Identifier: Apache-2.0
"""Absences and silent bands by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.gateway.cli.test_commands import add_person

if TYPE_CHECKING:
    from tests.gateway.cli.conftest import Run


def test_without_a_silent_band_the_queue_is_empty(run: Run) -> None:
    assert run("bands", "silent").stdout == ""
    assert json.loads(run("bands", "silent", "--all", "--days", "7", "--json").stdout) == []


def test_an_absence_is_noted_listed_and_ended_by_hand(run: Run) -> None:
    person = add_person(run)
    noted = run(
        "people", "absent", person[:8],
        "--from", "2099-12-24", "--until", "2099-12-27 14:00", "--why", "hospital",
    )  # fmt: skip
    assert (noted.exit_code, noted.stdout) == (
        0,
        f"person {person[:8]} is absent until 2099-12-27 14:00\n",
    )
    (line,) = json.loads(run("people", "absences", "--json").stdout)
    assert (line["person_id"], line["name"], line["why"]) == (person, "Maria Nowak", "hospital")
    assert run("people", "absences").stdout.count("\t") == 4
    assert "1 absence(s)" in run("people", "present", person[:8], "--planned").stdout
    assert json.loads(run("people", "absences", "--json").stdout) == []


def test_a_refused_absence_says_what_to_write(run: Run) -> None:
    refused = run("people", "absent", add_person(run), "--until", "soon", "--why", "hospital")
    assert refused.exit_code == 1
    assert "write 2026-12-24" in refused.stderr


def test_the_area_of_a_home_is_a_postal_district_or_what_the_operator_says(run: Run) -> None:
    address = ("--address", "Rynek 1, 32-420 Gdów")
    person = run("people", "add", "--name", "Maria Nowak", *address).stdout.strip()
    (home,) = json.loads(run("people", "show", person, "--json").stdout)["places"]
    assert home["area"] == "32-4"
    other = run("people", "add", "--name", "Jan", *address, "--area", "Gdów").stdout.strip()
    (home,) = json.loads(run("people", "show", other, "--json").stdout)["places"]
    assert home["area"] == "Gdów"
