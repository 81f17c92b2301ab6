# SPDX-License-Identifier: Apache-2.0
"""What an operator types and reads: enough to register, assign, look, and undo by hand."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Run


def add_person(run: Run, name: str = "Maria Nowak") -> str:
    return run("people", "add", "--name", name, "--phone", "600100200").stdout.strip()


def test_a_band_and_a_person_are_registered_and_assigned_by_hand(run: Run) -> None:
    bundle = json.loads(run("bands", "add", "--label", "7").stdout)
    person = add_person(run)
    assert run("people", "assign", person[:6], "7", "--account", "14af").exit_code == 0
    (band,) = json.loads(run("bands", "list", "--json").stdout)
    assert (band["kid"], band["label"], band["state"]) == (bundle["kid"], "7", "worn")
    assert (band["person_id"], band["account"]) == (person, "14AF")
    (listed,) = json.loads(run("people", "list", "--json").stdout)
    assert (listed["name"], listed["bands"]) == ("Maria Nowak", ["7"])
    shown = run("people", "show", person).stdout
    assert "name\tMaria Nowak" in shown
    assert "label 7" in shown


def test_lists_in_a_pipe_are_lines_with_tabs(run: Run) -> None:
    kid = json.loads(run("bands", "add", "--label", "7").stdout)["kid"]
    assert run("bands", "list").stdout == f"7\t{kid}\tin store\t\t\n"
    person = add_person(run)
    assert run("people", "list").stdout == f"{person}\tMaria Nowak\t600100200\t\n"


def test_a_band_between_two_wearers_gets_a_new_key_as_it_got_its_first(
    run: Run, tmp_path: Path
) -> None:
    first = json.loads(run("bands", "add", "--label", "7").stdout)
    out = tmp_path / "again.json"
    result = run("bands", "rekey", "7", "--out", str(out))
    assert (result.exit_code, result.stdout) == (0, "")
    second = json.loads(out.read_text(encoding="ascii"))
    assert second.keys() == first.keys()
    assert (second["kid"], second["generation"]) == (first["kid"], 2)
    assert second["key"] not in result.stderr
    run("people", "assign", add_person(run)[:6], "7")
    refused = run("bands", "rekey", "7", "--out", str(tmp_path / "never.json"))
    assert refused.exit_code == 1
    assert "opaska people unassign 7" in refused.stderr
    assert not (tmp_path / "never.json").exists()


def test_without_a_fault_the_technicians_list_is_empty(run: Run) -> None:
    run("bands", "add")
    assert (run("bands", "faults").exit_code, run("bands", "faults").stdout) == (0, "")
    assert json.loads(run("bands", "faults", "--days", "1", "--json").stdout) == []


def test_without_a_fall_the_list_of_falls_is_empty(run: Run) -> None:
    run("bands", "add")
    assert (run("cases", "falls").exit_code, run("cases", "falls").stdout) == (0, "")
    assert json.loads(run("cases", "falls", "--days", "1", "--json").stdout) == []


def test_a_name_with_line_breaks_or_brackets_breaks_no_list(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_person(run, "Ewa [\u0107órka] [/b]\n\tNowak\x1b[2J")
    (line,) = run("people", "list").stdout.splitlines()
    assert line.split("\t")[1] == "Ewa [\u0107órka] [/b]  Nowak [2J"
    monkeypatch.setattr("opaska_gateway.commands.output._is_terminal", lambda: True)
    assert "Ewa [\u0107órka] [/b]" in run("people", "list").stdout


def test_the_bundle_goes_to_a_new_private_file_or_nowhere(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "band.json"
    result = run("bands", "add", "--out", str(out))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    bundle = json.loads(out.read_text(encoding="ascii"))
    assert bundle.keys() == {"kid", "label", "generation", "key", "tls_identity"}
    assert bundle["key"] not in result.stderr
    for path in (out, tmp_path / "no folder" / "band.json"):
        refused = run("bands", "add", "--out", str(path))
        assert refused.exit_code == 1
        assert "write the path of a new file" in refused.stderr
    assert len(json.loads(run("bands", "list", "--json").stdout)) == 1
    refused = run("bands", "add", "--label", bundle["label"], "--out", str(tmp_path / "2.json"))
    assert refused.exit_code == 1
    assert not (tmp_path / "2.json").exists()


def test_a_key_is_never_shown_again(run: Run) -> None:
    key = json.loads(run("bands", "add").stdout)["key"]
    for words in (("bands", "list", "--json"), ("bands", "list"), ("organisations", "list")):
        assert key not in run(*words).stdout


def test_settings_are_ordered_and_a_wrong_one_says_what_fits(run: Run) -> None:
    run("bands", "add", "--label", "7")
    waits = "order {0} waits for band 7: version {0} of its settings\n"
    assert run("bands", "set", "7", "hold_ms=800").stdout == waits.format(1)
    assert run("bands", "set", "7", "quiet=true").stdout == waits.format(2)
    refused = run("bands", "set", "7", "hold_ms=5000")
    assert refused.exit_code == 1
    assert "write hold_ms=0..1000" in refused.stderr


def test_a_person_is_erased_only_after_the_band_is_back(run: Run) -> None:
    run("bands", "add", "--label", "7")
    person = add_person(run)
    run("people", "assign", person, "7")
    refused = run("people", "erase", person, "--why", "asked")
    assert refused.exit_code == 1
    assert "first: opaska people unassign 7" in refused.stderr
    assert run("people", "unassign", "7").exit_code == 0
    assert run("people", "erase", person, "--why", "asked").exit_code == 0
    assert run("people", "list", "--json").stdout == "[]\n"


def test_settings_are_shown_as_desired_and_as_the_band_reports_them(run: Run) -> None:
    run("bands", "add", "--label", "7")
    run("people", "assign", add_person(run)[:6], "7")
    assert "not said yet" in run("bands", "settings", "7").stdout
    run("bands", "set", "7", "hold_ms=800", "quiet=true")
    lines = run("bands", "settings", "7").stdout.splitlines()
    assert lines[0] == "hold_ms\t800\t?\t500\t0..1000"
    assert lines[2] == "quiet\ttrue\t?\tfalse\ttrue or false"
    assert "version 1 was ordered, last at 20" in lines[-1]
    shown = json.loads(run("bands", "settings", "7", "--json").stdout)
    assert (shown["desired_version"], shown["reported_version"]) == (1, None)
    assert shown["settings"][0] == {
        "name": "hold_ms",
        "desired": 800,
        "reported": None,
        "default": 500,
        "range": "0..1000",
    }
    refused = run("bands", "set", "7", "hold_ms=1001")
    assert refused.exit_code == 1
    assert "write hold_ms=0..1000" in refused.stderr
    refused = run("bands", "set", "7", "hr_low=90", "hr_high=80")
    assert "hr_low must be below hr_high" in refused.stderr


def test_a_revoked_band_is_listed_as_such(run: Run) -> None:
    kid = json.loads(run("bands", "add", "--label", "7").stdout)["kid"]
    assert run("bands", "revoke", kid[:6], "--why", "lost").exit_code == 0
    assert run("bands", "list").stdout == f"7\t{kid}\trevoked\t\t\n"
    assert run("bands", "revoke", "7").exit_code == 2  # a reason is asked for


@pytest.mark.parametrize(
    "words",
    [
        ("bands", "revoke", "none", "--why", "w"),
        ("bands", "set", "none", "hold_ms=1"),
        ("people", "show", "none"),
        ("people", "assign", "none", "none"),
        ("people", "unassign", "none"),
        ("people", "erase", "none", "--why", "w"),
        ("cases", "take", "none"),
        ("cases", "close", "none", "--outcome", "helped"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_one_line_and_exit_code_1(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert result.stderr.startswith("opaska: there is no ")
    assert result.stderr.count("\n") == 1
    assert "see `opaska " in result.stderr


def test_what_commands_make_is_for_their_user_only(run: Run, tmp_path: Path) -> None:
    run("bands", "add")
    made = [path for path in (tmp_path / "var").rglob("*") if path.is_file()]
    assert made
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in made} == {0}
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_a_database_that_somebody_holds_is_one_line(run: Run, tmp_path: Path) -> None:
    run("bands", "list")
    with closing(sqlite3.connect(tmp_path / "var" / "opaska.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        result = run("bands", "add")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.endswith(
        "opaska.db: another program holds the database; nothing was changed, try again\n"
    )
    assert json.loads(run("bands", "list", "--json").stdout) == []


def test_every_command_has_a_sentence_of_help(run: Run) -> None:
    groups = ("bands", "people", "cases", "organisations", "broker", "config")
    for words in ((), ("serve",), *((group,) for group in groups)):
        result = run(*words, "--help")
        assert result.exit_code == 0
        assert "Usage:" in result.stdout


def test_the_audit_names_who_types_and_not_whom_sudo_makes_of_them(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "opaska")
    for who in ("anna", "beata"):
        monkeypatch.setenv("SUDO_USER", who)
        assert run("bands", "add").exit_code == 0
    monkeypatch.delenv("SUDO_USER")
    assert run("bands", "add").exit_code == 0
    with closing(sqlite3.connect(tmp_path / "var" / "opaska.db")) as connection:
        typed = connection.execute("SELECT who FROM audit WHERE what = 'band_added' ORDER BY id")
        assert [who for (who,) in typed] == ["os:anna", "os:beata", "os:opaska"]
