# SPDX-License-Identifier: Apache-2.0
"""Carers and their cards by hand: keys leave once, names are sealed, every change is audited."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.cli.conftest import Run

UID = "04de5f1eacc040"


def add_carer(run: Run, name: str = "Anna Zielińska") -> str:
    return run("carers", "add", "--name", name, "--phone", "600 100 200").stdout.strip()


def test_a_carer_and_a_card_are_added_listed_and_revoked(run: Run) -> None:
    carer = add_carer(run)
    bundle = json.loads(run("cards", "add", carer[:8], "04:DE:5F:1E:AC:C0:40").stdout)
    assert (bundle["uid"], len(bundle["meta_read_key"]), len(bundle["file_read_key"])) == (
        UID,
        32,
        32,
    )
    (line,) = json.loads(run("carers", "list", "--json").stdout)
    assert (line["id"], line["name"], line["cards"]) == (carer, "Anna Zielińska", [UID])
    (card,) = json.loads(run("cards", "list", "--json").stdout)
    assert (card["uid"], card["kind"], card["name"]) == (UID, "ntag424", "Anna Zielińska")
    assert bundle["file_read_key"] not in run("cards", "list", "--json").stdout
    assert "is revoked" in run("cards", "revoke", UID, "--why", "lost").stdout
    again = run("cards", "revoke", UID.upper(), "--why", "lost")
    assert (again.exit_code, again.stderr) == (1, f"opaska: card {UID} is revoked already\n")
    assert run("cards", "list").stdout.count("\t") == 5
    taken = run("cards", "add", carer, UID)
    assert "revoked for ever; take another card" in taken.stderr


def test_keys_of_a_card_that_is_set_up_are_taken_and_not_shown(run: Run, tmp_path: Path) -> None:
    carer, file = add_carer(run), tmp_path / "keys.json"
    file.write_text(json.dumps({"meta_read_key": "11" * 16, "file_read_key": "22" * 16}))
    added = run("cards", "add", carer, UID, "--keys", str(file))
    assert (added.exit_code, added.stdout) == (0, "")


def test_new_keys_go_into_a_file_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "card.json"
    added = run("cards", "add", add_carer(run), UID, "--out", str(out))
    assert (added.stdout, out.stat().st_mode & 0o777) == ("", 0o600)
    assert json.loads(out.read_text())["uid"] == UID
    refused = run("cards", "add", "ffffffff", "04de5f1eacc041", "--out", str(out))
    assert (refused.exit_code, "new file" in refused.stderr) == (1, True)


REFUSED = (
    (("nonsense",), "write 8, 14 or 20 hex digits"),
    (("08aabbcc", "--kind", "tag"), "switch its random UID off"),
    (("04aabbcc",), "--kind tag"),
    ((UID, "--kind", "mifare"), "no kind of card"),
    ((UID, "--service", "0"), "1 to 99"),
    ((UID, "--kind", "tag", "--keys", "KEYS"), "only an NTAG 424 DNA has keys"),
    ((UID, "--keys", "SHORT"), "32 hex digits each"),
    ((UID, "--keys", "FACTORY"), "everybody knows"),
    ((UID, "--keys", "LIST"), "JSON object"),
    ((UID, "--keys", "NONE"), "cannot be read"),
)


def test_a_card_that_cannot_be_is_refused_with_advice(run: Run, tmp_path: Path) -> None:
    files = {
        "KEYS": {"meta_read_key": "11" * 16, "file_read_key": "22" * 16},
        "SHORT": {"meta_read_key": "11" * 16, "file_read_key": "22"},
        "FACTORY": {"meta_read_key": "11" * 16, "file_read_key": "00" * 16},
        "LIST": ["11" * 16],
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    carer = add_carer(run)
    for words, advice in REFUSED:
        written = [
            str(tmp_path / one) if one.isalpha() and one.isupper() else one for one in words
        ]
        refused = run("cards", "add", carer, *written)
        assert (refused.exit_code, advice in refused.stderr) == (1, True), words
    assert json.loads(run("cards", "list", "--json").stdout) == []


def test_an_erased_carer_has_no_name_and_no_card_that_counts(run: Run, tmp_path: Path) -> None:
    carer = add_carer(run)
    run("cards", "add", carer, UID)
    assert run("carers", "erase", carer, "--why", "left").exit_code == 0
    assert json.loads(run("carers", "list", "--json").stdout) == []
    (card,) = json.loads(run("cards", "list", "--json").stdout)
    assert (card["name"], card["revoked_ms"] is not None) == ("erased", True)
    assert "erased already" in run("carers", "erase", carer, "--why", "left").stderr
    assert "was erased" in run("cards", "add", carer, "04de5f1eacc041").stderr
    with closing(sqlite3.connect(tmp_path / "var" / "opaska.db")) as connection:
        lines = connection.execute("SELECT what, to_value, why FROM audit ORDER BY id").fetchall()
    assert [what for what, *_ in lines][-3:] == ["carer_added", "card_added", "carer_erased"]
    assert not any("Zieli" in str(line) for line in lines)


def test_a_carer_without_a_name_and_a_card_without_a_carer_are_refused(run: Run) -> None:
    assert "needs a name" in run("carers", "add", "--name", " ").stderr
    assert "opaska carers list" in run("cards", "add", "abcdef", UID).stderr
    assert "opaska cards list" in run("cards", "revoke", "abcdef", "--why", "lost").stderr
