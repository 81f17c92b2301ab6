# SPDX-License-Identifier: Apache-2.0
"""`opaska config`: an example of the settings file, and a check of yours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opaska_gateway.commands.office import errors_told
from opaska_gateway.errors import ConfigurationError

app = typer.Typer(help="The settings file: example and check.", no_args_is_help=True)


@app.command()
def example() -> None:
    """Print a settings file with every key, its meaning and its default."""
    from opaska_gateway.settings_example import example as text

    typer.echo(text(), nl=False)


@app.command()
def check(file: Annotated[Path, typer.Argument(help="Settings file (TOML).")]) -> None:
    """Check a settings file and the secrets it names; every problem is one line, exit code 2."""
    from opaska_gateway.broker.access import mosquitto_password
    from opaska_gateway.settings_file import load
    from opaska_gateway.vault import Vault

    with errors_told():
        settings = load(file)
        if settings.storage.key_file.exists():  # else the first start makes it
            Vault(settings.storage.key_file)
        if settings.broker.kind == "mosquitto":
            mosquitto_password(settings.broker)
        cells_file = settings.places.cells_file
        if cells_file and not cells_file.is_file():
            raise ConfigurationError(
                f"{file}: places.cells_file: there is no file {cells_file}; "
                "write the path of one, or leave the line out"
            )
    typer.echo(f"{file}: correct")
