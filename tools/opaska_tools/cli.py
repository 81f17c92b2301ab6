# SPDX-License-Identifier: Apache-2.0
"""The `opaska` command: a table of contents. A sub-command imports what it needs when it runs."""

from typing import Annotated

import typer

from opaska_gateway.cli import app as gateway_app
from opaska_tools import __version__
from opaska_tools.bench.command import app as bench_app
from opaska_tools.demo.command import demo
from opaska_tools.falls.command import app as falls_app
from opaska_tools.power.command import app as power_app
from opaska_tools.simulator.command import simulate
from opaska_tools.vitals.command import app as vitals_app
from opaska_tools.wear.command import app as wear_app

app = typer.Typer(
    help="Opaska: a pressed button reaches a human, and the wrist feels the answer.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,  # a failure of ours is a plain traceback, fit for a report
)

app.add_typer(gateway_app)
app.command()(demo)
app.command()(simulate)
app.add_typer(bench_app, name="bench")
app.add_typer(falls_app, name="falls")
app.add_typer(power_app, name="power")
app.add_typer(vitals_app, name="vitals")
app.add_typer(wear_app, name="wear")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"opaska {__version__}")
        raise typer.Exit


@app.callback()
def _opaska(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and stop."
        ),
    ] = False,
) -> None:
    """Options that stand before the sub-command."""


def main() -> None:
    """Run the command line."""
    app()
