# SPDX-License-Identifier: Apache-2.0
"""Brings a database to the newest tables, by the numbered steps in `migrations/versions`.

alembic is imported only when there is something to do: it takes 10 MB and a third of a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from opaska_gateway.errors import GatewayError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Apply what is missing, in one transaction; nothing to do costs two reads."""
    newest = max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    with connection.begin():
        reached = _reached(connection)
        if reached > newest:
            raise GatewayError(
                f"it was made by a newer Opaska (step {reached}, here {newest}); start that one"
            )
        if reached < newest:
            from alembic import command

            command.upgrade(configuration(connection), "head")


def configuration(connection: Connection) -> Config:
    """Alembic's view of our migrations, on an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _reached(connection: Connection) -> str:
    """The last step that was applied; "" before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    step = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(step or "")
