# SPDX-License-Identifier: Apache-2.0
"""Settings that cannot be used stop every command with their lines and exit code 2."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from opaska_gateway.settings_example import example
from tests.gateway.cli.conftest import Run

EVERY_WAY = [
    ("bands", "list"),
    ("bands", "add"),
    ("people", "list"),
    ("cases", "list"),
    ("organisations", "list"),
    ("broker", "keys"),
    ("serve",),
]


@pytest.mark.parametrize("words", EVERY_WAY, ids=" ".join)
def test_a_wrong_key_stops_every_command(
    run: Run, settings_file: Path, words: tuple[str, ...]
) -> None:
    settings_file.write_text("[broker]\nprot = 1\nport = 70000", encoding="utf-8")
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert sorted(result.stderr.splitlines()) == [
        f"{settings_file}: broker.port: 70000 is too large; write 65535 or less",
        f"{settings_file}: broker.prot: unknown key; write port",
    ]
    assert not (settings_file.parent / "var").exists()


@pytest.mark.parametrize("words", [("config", "check"), ("check-config",)], ids=" ".join)
def test_a_check_says_correct_or_what_is_wrong(
    run: Run, settings_file: Path, words: tuple[str, ...]
) -> None:
    assert run(*words, str(settings_file)).stdout == f"{settings_file}: correct\n"
    settings_file.write_text("port = ", encoding="utf-8")
    result = run(*words, str(settings_file))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{settings_file}: syntax: ")
    missing = run(*words, str(settings_file) + ".none")
    assert missing.exit_code == 2
    assert "there is no such file" in missing.stderr


def test_a_check_looks_for_the_table_of_cells(run: Run, settings_file: Path) -> None:
    settings_file.write_text('[places]\ncells_file = "260.csv"', encoding="utf-8")
    result = run("config", "check", str(settings_file))
    assert result.exit_code == 2
    assert f"there is no file {settings_file.parent / '260.csv'}" in result.stderr
    (settings_file.parent / "260.csv").touch()
    assert run("config", "check", str(settings_file)).exit_code == 0


def test_a_check_looks_at_the_secrets_too(run: Run, settings_file: Path) -> None:
    settings_file.write_text(
        '[broker]\nkind = "mosquitto"\npassword_file = "password"', encoding="utf-8"
    )
    password = settings_file.parent / "password"
    result = run("config", "check", str(settings_file))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{password}: broker.password_file: cannot be read")
    password.write_text("secret\n", encoding="ascii")
    assert run("config", "check", str(settings_file)).exit_code == 0
    key_file = settings_file.parent / "var" / "opaska.key"
    key_file.parent.mkdir()
    key_file.write_text("no key", encoding="ascii")
    key_file.chmod(0o600)
    result = run("config", "check", str(settings_file))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{key_file}: storage.key_file: does not hold 32 bytes")


def test_the_example_is_printed_whole(run: Run) -> None:
    assert run("config", "example").stdout == example()


@pytest.mark.parametrize("words", [("bands", "list"), ("serve",)], ids=" ".join)
def test_a_lost_key_file_stops_and_is_not_made_anew(
    run: Run, settings_file: Path, words: tuple[str, ...]
) -> None:
    run("bands", "add")
    key_file = settings_file.parent / "var" / "opaska.key"
    key_file.unlink()
    result = run(*words)
    assert result.exit_code == 2
    assert result.stderr == (
        f"{key_file}: storage.key_file: it is missing, and the database was made with it; "
        "put it back from your copy\n"
    )
    assert not key_file.exists()


@pytest.mark.parametrize(
    "first", [("bands", "add"), ("people", "add", "--name", "Anna")], ids=" ".join
)
def test_a_key_file_of_another_database_stops(
    run: Run, settings_file: Path, first: tuple[str, ...]
) -> None:
    run(*first)
    key_file = settings_file.parent / "var" / "opaska.key"
    other = key_file.read_text(encoding="ascii")
    key_file.write_text(other[:4].swapcase() + other[4:], encoding="ascii")
    result = run("bands", "list")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        f"{key_file}: storage.key_file: it belongs to another database"
    )


def test_a_damaged_key_of_one_band_stops_nobody(run: Run, settings_file: Path) -> None:
    run("bands", "add")
    run("bands", "add")
    with closing(sqlite3.connect(settings_file.parent / "var" / "opaska.db")) as database:
        database.execute("update device_key set wrapped = x'00' where rowid = 1")
        database.commit()
    assert run("bands", "list").exit_code == 0


def test_a_key_file_that_others_may_read_stops(run: Run, settings_file: Path) -> None:
    run("bands", "list")
    key_file = settings_file.parent / "var" / "opaska.key"
    key_file.chmod(0o644)
    result = run("bands", "list")
    assert result.exit_code == 2
    assert f"run `chmod 600 {key_file}`" in result.stderr


def test_a_database_that_is_none_stops(run: Run, settings_file: Path) -> None:
    database = settings_file.parent / "var" / "opaska.db"
    database.parent.mkdir()
    database.write_bytes(b"this is a letter, not a database" * 100)
    result = run("bands", "list")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{database}: storage.database_file: cannot be opened")
    assert database.read_bytes().startswith(b"this is a letter")


def test_a_database_of_a_newer_opaska_stops(run: Run, settings_file: Path) -> None:
    run("bands", "list")
    database = settings_file.parent / "var" / "opaska.db"
    with closing(sqlite3.connect(database)) as plain, plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
    result = run("bands", "list")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        f"{database}: storage.database_file: the database was made by another version of Opaska"
    )
    assert result.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_made_stops(run: Run, settings_file: Path) -> None:
    (settings_file.parent / "var").write_text("a file", encoding="ascii")
    result = run("bands", "list")
    assert result.exit_code == 2
    assert "the folder cannot be made" in result.stderr
