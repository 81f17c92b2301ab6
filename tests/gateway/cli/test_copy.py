# SPDX-License-Identifier: Apache-2.0
"""A copy of the database: whole while others write, private, and what a disaster leaves behind."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.gateway.cli.conftest import Run

ROWS = 2_000  # more pages than SQLite's own `.backup` takes at a time
ADD = (
    "INSERT INTO refused_frame (band, day, reason, way, received_ms, frame)"
    " VALUES (x'00', 1, 'x', 'mqtt', 1, zeroblob(900))"
)
COUNT = "SELECT count(*) FROM refused_frame"


@pytest.fixture
def database(run: Run, tmp_path: Path) -> Path:
    assert run("bands", "add", "--label", "17").exit_code == 0
    file = tmp_path / "var" / "opaska.db"
    with closing(sqlite3.connect(file)) as one, one:
        one.executemany(ADD, [()] * ROWS)
    return file


@contextmanager
def _written_without_end(database: Path) -> Generator[None]:
    enough = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=30)) as other:
            while not enough.is_set():
                with other:
                    other.execute(ADD)

    thread = threading.Thread(target=write)
    thread.start()
    yield
    enough.set()
    thread.join()


def test_a_copy_ends_while_others_write_without_end_and_is_whole(
    run: Run, database: Path, tmp_path: Path
) -> None:
    to = tmp_path / "copy.db"
    with _written_without_end(database):
        made = run("database", "copy", str(to))
    assert (made.exit_code, made.stderr) == (0, "")
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    with closing(sqlite3.connect(to)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute(COUNT).fetchone()[0] >= ROWS


def test_a_copy_that_was_put_back_opens_with_its_key_file(
    run: Run, database: Path, tmp_path: Path
) -> None:
    to = tmp_path / "copy.db"
    run("database", "copy", str(to))
    run("bands", "add", "--label", "18")
    for old in database.parent.glob("opaska.db*"):
        old.unlink()
    to.rename(database)
    listed = run("bands", "list")
    assert listed.exit_code == 0
    assert [line.split("\t")[0] for line in listed.stdout.splitlines()] == ["17"]


def test_a_copy_under_the_log_of_another_is_called_damaged_and_says_what_to_take_away(
    run: Run, database: Path, tmp_path: Path
) -> None:
    to, rest = tmp_path / "copy.db", tmp_path / "rest"
    run("database", "copy", str(to))
    with closing(sqlite3.connect(database)) as other:  # as a host that lost its power leaves it
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.execute("CREATE TABLE more (b BLOB)")
        rest.write_bytes(Path(f"{database}-wal").read_bytes())
    to.rename(database)
    rest.rename(f"{database}-wal")
    damaged = run("bands", "list")
    assert damaged.exit_code == 2
    assert "it is damaged" in damaged.stderr
    assert "take away opaska.db-wal and opaska.db-shm" in damaged.stderr


def test_no_file_is_overwritten_by_a_copy_or_left_by_one_that_failed(
    run: Run, database: Path, tmp_path: Path
) -> None:
    refused = run("database", "copy", str(database))
    assert refused.exit_code == 1
    assert refused.stderr == (
        f"opaska: {database}: cannot be made (File exists); write the path of a new file\n"
    )
    assert run("bands", "list").exit_code == 0
    database.write_bytes(b"a letter")
    for rest in database.parent.glob("opaska.db-*"):
        rest.unlink()
    failed = run("database", "copy", str(tmp_path / "copy.db"))
    assert failed.exit_code == 1
    assert failed.stderr == f"opaska: {database}: not copied (file is not a database)\n"
    assert not (tmp_path / "copy.db").exists()
