# SPDX-License-Identifier: Apache-2.0
"""What every command needs: settings, the open store, who is typing, and errors in one line."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from opaska_gateway import clock
from opaska_gateway.errors import ConfigurationError, GatewayError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import Change
    from opaska_gateway.settings import Settings
    from opaska_gateway.store import Store

WRONG = 1  # exit code: it cannot be done as asked
MISCONFIGURED = 2  # exit code: the settings cannot be used

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", envvar="OPASKA_CONFIG", help="Settings file (TOML)."),
]
DaysOption = Annotated[
    int, typer.Option("--days", min=1, max=36_500, help="How far to look back.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines: one JSON value.")]

Result = TypeVar("Result")


@dataclass(frozen=True)
class Office:
    """One command's view of the gateway's data."""

    settings: Settings
    store: Store
    who: str

    def change(self) -> AbstractAsyncContextManager[Change]:
        """A transaction that is audited under the name of who is typing."""
        from opaska_gateway.registry.change import change

        return change(self.store, self.who)

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A consistent view."""
        return self.store.database.read()


def days_ago_ms(days: int) -> int:
    """When that was."""
    return clock.now_ms() - days * 86_400_000


def at_office(config: Path | None, work: Callable[[Office], Awaitable[Result]]) -> Result:
    """Run one command's work on the open store; beside a running gateway, too."""
    from sqlalchemy.exc import DBAPIError

    from opaska_gateway.database.sickness import sickness
    from opaska_gateway.settings_file import load
    from opaska_gateway.store import open_store

    async def run() -> Result:
        settings = load(config)
        async with open_store(settings.storage) as store:
            try:
                return await work(Office(settings, store, operator()))
            except DBAPIError as error:
                reason = sickness(error)
                if reason is None:
                    raise
                where = settings.storage.database_url or settings.storage.database_file
                raise GatewayError(f"{where}: {reason}; nothing was changed, try again") from None

    keep_files_private()
    with errors_told():
        return asyncio.run(run())


def keep_files_private() -> None:
    """What a command makes is for its user only: the database, its log, keys."""
    os.umask(0o077)


def operator() -> str:
    """Who is typing, for the audit: not the user whom all of them become to reach the database."""
    try:
        return f"os:{os.environ.get('SUDO_USER') or getpass.getuser()}"
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return "os:unknown"


@contextmanager
def errors_told() -> Generator[None]:
    """Turn errors an operator can put right into their lines and an exit code."""
    try:
        yield
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(MISCONFIGURED) from None
    except GatewayError as error:
        typer.echo(f"opaska: {error}", err=True)
        raise typer.Exit(WRONG) from None
