# SPDX-License-Identifier: Apache-2.0
"""Visits by hand, in a gateway that no band has spoken to yet."""

from __future__ import annotations

import json
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
    assert exported.stdout.startswith("visit,state,carer,person,service,from,to,minutes,where,")
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
