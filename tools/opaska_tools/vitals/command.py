# SPDX-License-Identifier: Apache-2.0
"""`opaska vitals`: how well the band feels a pulse."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from opaska_tools.progress import progress

app = typer.Typer(
    help="Pulse and saturation: evaluate the band's sense on recorded light.",
    no_args_is_help=True,
)


@app.callback()
def _vitals() -> None:  # pyright: ignore[reportUnusedFunction]
    """Keep `evaluate` a word of its own."""


@app.command()
def evaluate(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with ppg_index.csv and .npz.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at once.")] = os.cpu_count() or 1,
) -> None:
    """Measure again and again in every recording of DIR, as the band does."""
    from opaska_tools.falls.recordings import BadFolder
    from opaska_tools.vitals.evaluate import evaluate as run
    from opaska_tools.vitals.table import table

    try:
        with progress("recordings") as told:
            figures = run(folder, jobs, told)
    except BadFolder as error:
        typer.echo(f"opaska vitals: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(json.dumps(figures) if as_json else table(figures))
