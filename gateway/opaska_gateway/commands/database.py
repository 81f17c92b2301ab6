# SPDX-License-Identifier: Apache-2.0
"""`opaska database`: a copy of the SQLite file, and the way from it to PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opaska_gateway.commands.office import ConfigOption, Office, at_office, errors_told

app = typer.Typer(
    help="Copy the SQLite file, or move from it to PostgreSQL.", no_args_is_help=True
)


@app.command()
def copy(
    to: Annotated[Path, typer.Argument(help="A new file, for this user alone.")],
    config: ConfigOption = None,
) -> None:
    """Copy the SQLite database as of now, also while the gateway runs; its key file stays."""
    with errors_told():
        _copy(config, to)
    typer.echo(f"{to}: copied; it opens with the same key file, which is to be kept apart from it")


@app.command()
def move(
    url: Annotated[
        str, typer.Argument(help="Such as postgresql://opaska@/opaska?host=/run/postgresql.")
    ],
    config: ConfigOption = None,
) -> None:
    """Copy everything into an empty PostgreSQL database, while no gateway runs; the file stays."""

    async def work(office: Office) -> int:
        return await _move(office, url)

    typer.echo(
        f"{at_office(config, work)} rows are copied; write storage.database_url into the settings,"
        " start the gateway, and put the old file away: it still opens with the same key file"
    )


def _copy(config: Path | None, to: Path) -> None:
    import sqlite3

    from opaska_gateway.database import sqlite
    from opaska_gateway.errors import GatewayError, Refused
    from opaska_gateway.settings_file import load

    storage = load(config).storage
    if storage.database_url is not None:
        raise Refused("the settings name a PostgreSQL database; copy it with pg_dump")
    try:
        sqlite.copy(storage.database_file, to)
    except OSError as error:
        raise GatewayError(
            f"{to}: cannot be made ({error.strerror}); write the path of a new file"
        ) from None
    except sqlite3.Error as error:
        raise GatewayError(f"{storage.database_file}: not copied ({error})") from None


async def _move(office: Office, url: str) -> int:
    from pydantic import ValidationError

    from opaska_gateway.database.move import copy_all
    from opaska_gateway.errors import Refused
    from opaska_gateway.settings import StorageSettings
    from opaska_gateway.store import only_gateway_on, open_database

    if office.settings.storage.database_url is not None:
        raise Refused("the settings name a PostgreSQL database already")
    try:
        new = StorageSettings(database_url=url)
    except ValidationError as error:
        raise Refused(f"{url}: {error.errors()[0]['msg']}") from None
    with only_gateway_on(office.settings.storage):
        async with (
            open_database(new) as target,
            office.read() as source,
            target.write() as connection,
        ):
            return await copy_all(source, connection)
