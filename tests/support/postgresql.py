# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL: its own folder, reached by a socket in it, and gone after the tests.

It never runs as root: started by root, it runs as the package's user, or as nobody.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.support.requirements import program

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncGenerator
    from types import TracebackType


START_S = 60
USER = "opaska"
MAINTENANCE = "postgres"  # the database that every server has
SMALL = ("listen_addresses=", "shared_buffers=16MB", "max_connections=40", "autovacuum=off")


class PostgreSQL:
    """The server as a child process."""

    def __init__(self) -> None:
        self._programs = {name: program(name) for name in ("initdb", "postgres")}
        self._folder = Path(tempfile.mkdtemp(prefix="opaska-pg-"))
        self._as = _not_root()
        self._process: subprocess.Popen[Any] | None = None

    def __enter__(self) -> Self:
        if self._as:
            shutil.chown(self._folder, self._as["user"], self._as["group"])
        made = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", f"--username={USER}")
        subprocess.run(
            [self._programs["initdb"], *made, "-D", self.data],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._as,
        )
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(signal.SIGQUIT)  # without a checkpoint of databases that nobody needs any more
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Also again, after `stop`."""
        options = [word for setting in SMALL for word in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            process = self._process = subprocess.Popen(
                [self._programs["postgres"], "-D", self.data, "-k", self._folder, *options],
                stderr=log,
                **self._as,
            )
        end_s = time.monotonic() + START_S
        while True:
            try:
                return self.run("SELECT 1")
            except OperationalError:
                assert process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < end_s, (self._folder / "log").read_text()
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """As for an upgrade of the server: connections are closed at once."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_S)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self._folder}"

    def new_database(self) -> str:
        """A new one, empty; its address."""
        name = f"opaska_{uuid4().hex}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def run(self, statement: str, database: str = MAINTENANCE) -> None:
        """As its owner, outside any transaction."""
        engine = create_engine(
            self.url(database).replace("postgresql:", "postgresql+psycopg:"),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
        )
        with engine.connect() as connection:
            connection.execute(text(statement))

    @asynccontextmanager
    async def over_tcp(self, url: str) -> AsyncGenerator[str]:
        """The address of the same database on loopback, through a relay to its socket."""

        async def pass_on(reader: StreamReader, writer: StreamWriter) -> None:
            while some := await reader.read(65_536):
                writer.write(some)
            writer.close()

        async def came(reader: StreamReader, writer: StreamWriter) -> None:
            away = await asyncio.open_unix_connection(self._folder / ".s.PGSQL.5432")
            await asyncio.gather(pass_on(reader, away[1]), pass_on(away[0], writer))

        async with await asyncio.start_server(came, "127.0.0.1", 0) as relay:
            port = relay.sockets[0].getsockname()[1]
            yield make_url(url).set(host="127.0.0.1", port=port, query={}).render_as_string()

    @property
    def data(self) -> Path:
        """Its files."""
        return self._folder / "data"


def _not_root() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in known else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
