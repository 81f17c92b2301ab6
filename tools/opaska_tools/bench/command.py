# SPDX-License-Identifier: Apache-2.0
"""`opaska bench`: what each benchmark asks for, and its figures as JSON or as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Measure this machine with real processes.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _bench() -> None:  # pyright: ignore[reportUnusedFunction]
    from opaska_tools.stage.orderly_end import end_as_by_ctrl_c

    end_as_by_ctrl_c()


@app.command()
def ingest(
    bands: Annotated[int, typer.Option(min=1, max=20_000, help="Bands connected at once.")] = 1000,
    rate: Annotated[
        float, typer.Option(min=0, help="Reports per second over all bands; 0: all it takes.")
    ] = 0,
    seconds: Annotated[float, typer.Option(min=1, help="How long reports are sent.")] = 60,
    as_json: _Json = False,
) -> None:
    """Sealed reports of many bands, through a broker, to verified STORED answers."""
    from opaska_tools.bench.ingest import run

    _show(run(bands, rate, seconds), as_json=as_json)


@app.command()
def heap(as_json: _Json = False) -> None:
    """Where the 256 KB of a band's heap go, in bytes: module by module, and what is left."""
    from opaska_tools.bench.heap import run

    _show(run(), as_json=as_json)


@app.command()
def flood(
    backlog: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Reports that bands kept during an outage.")
    ] = 50_000,
    sos: Annotated[int, typer.Option(min=1, max=1000, help="Live SOS pressed meanwhile.")] = 20,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Through the embedded broker in any case.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Live SOS while a thousand bands hand over what they kept during an outage."""
    from opaska_tools.bench.flood import run

    _show(run(backlog, sos, embedded=embedded), as_json=as_json)


@app.command()
def sos(
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Presses.")] = 1000,
    bands: Annotated[int, typer.Option(min=1, max=64, help="Simulated bands in turn.")] = 8,
    as_json: _Json = False,
) -> None:
    """Presses on simulated bands: until STORED, and the centre's yes, are felt on the wrist."""
    from opaska_tools.bench.sos import run

    _show(run(count, bands), as_json=as_json)


@app.command()
def wakes(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with index.csv and .npz.")],
    dataset: Annotated[str, typer.Option("--set", help="One of its sets; its daily life counts.")],
    hours: Annotated[float, typer.Option(min=0.01, help="How much of it, about.")] = 1,
    as_json: _Json = False,
) -> None:
    """How often the accelerometer wakes the processor in an hour of recorded daily life."""
    from opaska_tools.bench.wakes import run
    from opaska_tools.falls.recordings import BadFolder

    try:
        figures = run(folder, dataset, hours)
    except BadFolder as error:
        typer.echo(f"opaska bench: {error}", err=True)
        raise typer.Exit(2) from None
    _show(figures, as_json=as_json)


def _show(figures: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(figures))
        return
    for name, value in figures.items():
        typer.echo(f"{name:<15} {value}")
