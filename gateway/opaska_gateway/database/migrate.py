# SPDX-License-Identifier: Apache-2.0
"""Brings a database to the newest tables, by the numbered steps in `migrations/versions`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text

from opaska_gateway.errors import GatewayError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

MIGRATIONS: Final = Path(__file__).parent / "migrations"
NEWEST: Final = "0009"  # the last step in `migrations/versions`


def upgrade(connection: Connection) -> None:
    """Apply what is missing, in one transaction. Alembic, and its 11 MB, only if there is any."""
    with connection.begin():
        if revision(connection) != NEWEST:
            _apply(connection)


def configuration(connection: Connection) -> Config:
    """Alembic's view of our migrations, on an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _apply(connection: Connection) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise GatewayError(
            f"the database was made by another version of Opaska ({error}); run that version, "
            "or put back a copy of the database from before it"
        ) from None


def revision(connection: Connection) -> str | None:
    """The last step that was applied."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
