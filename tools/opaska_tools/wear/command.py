# SPDX-License-Identifier: Apache-2.0
"""`opaska wear`: how well the band knows whether it is worn."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Worn or not: evaluate the strap's sense.", no_args_is_help=True)

_PROCESSORS = os.cpu_count() or 1
_NOT_GIVEN = "not run: no folder was given"


@app.callback()
def _wear() -> None:  # pyright: ignore[reportUnusedFunction]
    """A command of its own, so that others can come beside it."""


@app.command()
def evaluate(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="Folder with index.csv and .npz of daily life."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each constructed scene.")] = 20,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at once.")] = _PROCESSORS,
    whole: Annotated[
        bool, typer.Option("--whole", help="Also on simulated chips, as late as a band hears.")
    ] = False,
) -> None:
    """Constructed scenes, and recorded wrists of DIR, through the band's sense and decision."""
    from opaska_tools.falls.recordings import BadFolder
    from opaska_tools.wear import judge, lived
    from opaska_tools.wear.whole import figures as pulled_over_the_hand

    try:
        daily: Any = lived.figures(folder, jobs) if folder else _NOT_GIVEN
    except BadFolder as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(2) from None
    late: Any = pulled_over_the_hand(seeds) if whole else "not run: --whole was not given"
    figures = {"scenes": judge.scenes(seeds), "daily_life": daily, "whole": late}
    typer.echo(json.dumps(figures) if as_json else _text(figures))


def _text(figures: dict[str, Any]) -> str:
    runs = figures["scenes"]["seeds"]
    lines: list[str] = []
    for signals in ("three_signals", "two_signals"):
        lines.append(f"{signals.replace('_', ' ')}; the slowest of {runs} runs to be right:")
        for row in figures["scenes"][signals]:
            verdict = "right" if row["right"] else "not right"
            lines.append(f"  {row['scene']:24} {row['slowest_s']:6.1f} s  {verdict}")
        if isinstance(figures["daily_life"], str):
            lines.append(f"  daily life: {figures['daily_life']}")
            continue
        row = figures["daily_life"][signals]
        lines.append(
            f"  {row['hours']} h of recorded wrists, {row['blows']} blows:"
            f' {row["false_taken_off"]} false "taken off", loose for {row["loose_percent"]} %'
        )
    lines.append(f"pulled over the hand, by the whole way from the chips: {figures['whole']}")
    return "\n".join(lines)
