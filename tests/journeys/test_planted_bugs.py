# SPDX-License-Identifier: Apache-2.0
"""The kill tests can fail: each bug of the gateway that they are meant to find is found."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from opaska_gateway.pipeline import AFTER, TOGETHER
from tests.journeys.doom import Gap, die_at, start_again
from tests.support.promises import PromiseBroken, check_all, check_answered
from tests.support.world import world

if TYPE_CHECKING:
    from pathlib import Path

BANDS = 3
BEFORE_COMMIT = Gap("together", len(TOGETHER))
AFTER_COMMIT = Gap("after", 0)
UNIQUE_KEY = re.compile(r",\s*CONSTRAINT uq_event_\w+ UNIQUE \([^)]*\)")


async def test_answer_before_commit_is_found(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", BANDS) as here:
        # the bug brings a step more into the transaction, and leaves `after` without any
        gap = BEFORE_COMMIT._replace(done=BEFORE_COMMIT.done + 1)
        await die_at(here, gap, bug="answer_before_commit")
        with pytest.raises(PromiseBroken, match="answered but not stored"):
            check_answered(here.fleet, here.gateway.database_file)


async def test_missing_unique_key_is_found(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", BANDS) as here:
        _drop_unique_key(here.gateway.database_file)
        await die_at(here, AFTER_COMMIT)
        await start_again(here)
        with pytest.raises(PromiseBroken, match="doubled"):
            check_all(here.fleet, here.gateway.database_file, here.watch)


async def test_reused_nonces_are_found(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", BANDS) as here:
        for _ in range(2):
            await die_at(here, Gap("after", len(AFTER)), bug="one_salt")
        await start_again(here)
        with pytest.raises(PromiseBroken, match="twice under one salt"):
            check_all(here.fleet, here.gateway.database_file, here.watch)


async def test_a_report_that_vanishes_is_found(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", BANDS) as here:
        await start_again(here)
        with closing(sqlite3.connect(here.gateway.database_file)) as connection, connection:
            connection.execute("DELETE FROM outbox")
            connection.execute("DELETE FROM event WHERE id = (SELECT max(id) FROM event)")
        with pytest.raises(PromiseBroken, match="lost"):
            check_all(here.fleet, here.gateway.database_file, here.watch)


def _drop_unique_key(database_file: Path) -> None:
    """Make the table of events anew, as if its migration had forgotten the message id."""
    with closing(sqlite3.connect(database_file)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("PRAGMA legacy_alter_table=ON")  # others go on naming `event`
        ((sql,),) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'event'")
        without, count = UNIQUE_KEY.subn("", sql)
        assert count == 1
        connection.executescript(f"ALTER TABLE event RENAME TO old; {without}; DROP TABLE old;")
