# SPDX-License-Identifier: Apache-2.0
"""Visits by hand, in a gateway that no band has spoken to yet."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.gateway.cli.test_commands import add_person

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.cli.conftest import Run


def test_without_a_touch_the_lists_are_empty(run: Run, tmp_path: Path) -> None:
    for command in ("list", "refused", "planned"):
        assert json.loads(run("visits", command, "--json").stdout) == []
        assert run("visits", command).stdout == ""
    exported = run("visits", "export", "--why", "monthly report")
    assert exported.stdout.startswith(
        "visit,state,carer,person,service,service_name,from,to,minutes,where,"
    )
    out = tmp_path / "visits.csv"
    assert run("visits", "export", "--why", "monthly report", "--out", str(out)).exit_code == 0
    assert (out.stat().st_mode & 0o777, len(out.read_text().splitlines())) == (0o600, 1)
    again = run("visits", "export", "--why", "monthly report", "--out", str(out))
    assert (again.exit_code, "new file" in again.stderr) == (1, True)


def test_a_visit_is_planned_and_called_off_by_hand(run: Run) -> None:
    person = add_person(run)
    planned = run("visits", "plan", person[:8], "--at", "2099-12-24 09:00", "--minutes", "45")
    (line,) = json.loads(run("visits", "planned", "--json").stdout)
    assert planned.stdout.strip() == line["id"]
    assert (line["person"], line["state"]) == ("Maria Nowak", "expected")
    off = run("visits", "call-off", line["id"][:8], "--why", "hospital")
    assert off.stdout == "the visit planned for 2099-12-24 08:00:00Z is called off\n"


def test_what_is_not_there_is_refused_with_advice(run: Run) -> None:
    refused = run("visits", "correct", "7", "--why", "typing error", "--withdraw")
    assert (refused.exit_code, "opaska visits list" in refused.stderr) == (1, True)
    assert "opaska visits planned" in run("visits", "call-off", "ffff", "--why", "x").stderr
    assert "opaska people list" in run("visits", "list", "--person", "ffff").stderr


def test_a_visit_is_noted_and_withdrawn_by_hand(run: Run) -> None:
    person = add_person(run)
    carer = run("carers", "add", "--name", "Anna").stdout.strip()
    then = datetime.now(UTC) - timedelta(hours=3)
    times = ("--from", then.isoformat(), "--to", (then + timedelta(minutes=45)).isoformat())
    asked = ("--asked-by", "Ewa Kowalska", "--why", "forgot the card")
    noted = run("visits", "add", person[:8], "--carer", carer[:8], *times, *asked)
    assert noted.stdout == "visit h1 is noted, by hand\n"
    for missing in ("--asked-by", "--why", "--carer"):
        words = ["visits", "add", person, "--carer", carer, *times, *asked]
        at = words.index(missing)
        assert run(*words[:at], *words[at + 2 :]).exit_code == 2, missing
    cells = run("visits", "list").stdout.rstrip("\n").split("\t")
    assert (cells[:3], cells[8]) == (["h1", "by hand", "Anna"], "by hand")
    assert "asked by Ewa Kowalska, noted by os:" in cells[-1]
    assert run("visits", "correct", "h1", "--withdraw", "--why", "hospital").exit_code == 0
    assert "; withdrawn by os:" in run("visits", "list").stdout
    exported = run("visits", "export", "--why", "monthly report").stdout
    assert ",yes," in exported.splitlines()[1]
