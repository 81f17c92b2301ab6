# SPDX-License-Identifier: Apache-2.0
"""What alembic runs: our steps, on the connection that `migrate.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from opaska_gateway.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    compare_type=True,
)
context.run_migrations()
