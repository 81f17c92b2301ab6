# SPDX-License-Identifier: Apache-2.0
"""`opaska falls`: how well the band feels falls, and how it learned to."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from opaska_gateway.commands.office import ConfigOption, at_office
from opaska_tools.progress import progress

if TYPE_CHECKING:
    from collections.abc import Generator

app = typer.Typer(
    help="Felt at the wrist: evaluate the detector on recordings, and make what it has learned.",
    no_args_is_help=True,
)

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder with index.csv and .npz.")]
_Jobs = Annotated[int, typer.Option(min=1, help="Processes at once.")]
_PROCESSORS = os.cpu_count() or 1


class Profile(StrEnum):
    """How readily an impact is called a fall."""

    careful = "careful"
    standard = "standard"
    keen = "keen"


@app.command()
def evaluate(
    folder: _Folder,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    clip: Annotated[
        float | None, typer.Option(min=0.5, max=1000, help="Cut every sample off at this many g.")
    ] = None,
    profile: Annotated[
        Profile, typer.Option(help="How readily an impact is called a fall.")
    ] = Profile.standard,
    jobs: _Jobs = _PROCESSORS,
) -> None:
    """Stream every recording of DIR through the band's detector, sample by sample."""
    from opaska_tools.falls.evaluate import evaluate as run
    from opaska_tools.falls.table import table

    with _readable(), progress("recordings") as told:
        figures = run(folder, profile.value, clip, jobs, told)
    typer.echo(json.dumps(figures) if as_json else table(figures))


@app.command()
def train(
    folder: _Folder,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 1,
    output: Annotated[
        Path | None, typer.Option(help="Instead of the firmware's fall_parameters.py.")
    ] = None,
    curve: Annotated[Path | None, typer.Option(help="Instead of docs/falls_curve.json.")] = None,
    labelled: Annotated[
        Path | None,
        typer.Option(help="Write nothing if a fall of this folder is lost, see `check`."),
    ] = None,
    jobs: _Jobs = _PROCESSORS,
) -> None:
    """Make the detector's parameters from DIR, and the figures for people that it never saw."""
    from opaska_tools.falls import parameters
    from opaska_tools.falls.curve import CURVE
    from opaska_tools.falls.recordings import BadFolder, read_index
    from opaska_tools.falls.train import train as run

    targets = (output or parameters.FILE, curve or CURVE)
    with _readable(), TemporaryDirectory() as made:
        # what is wrong is told before an hour's work, not after it
        for target in targets:
            if not target.parent.is_dir():
                raise BadFolder(f"{target}: there is no such folder to write into")
        if labelled:
            read_index(labelled)
        new = (Path(made) / "parameters.py", Path(made) / "curve.json")
        with progress("steps") as told:
            run(folder, seed, *new, jobs, told)
        if labelled:
            _refuse_loss(new[0], labelled)
        for source, target in zip(new, targets, strict=True):
            target.write_bytes(source.read_bytes())
            typer.echo(f"written: {target}")


@app.command()
def replay(
    place: Annotated[Path, typer.Argument(metavar="FILE", help="A folder, or its index.csv.")],
    rec: Annotated[
        str, typer.Argument(metavar="REC", help="Its name, or SET/SUBJECT/NAME if several fit.")
    ],
) -> None:
    """Send one recording through a whole simulated band. Exit 1: not what its label asks."""
    import asyncio

    from opaska_tools.falls.replay import choose
    from opaska_tools.falls.replay import replay as run
    from opaska_tools.simulator.places import NotHere

    with _readable():
        recording = choose(place, rec)
        try:
            played = asyncio.run(run(recording))
        except NotHere as error:
            typer.echo(f"opaska falls: {error}", err=True)
            raise typer.Exit(1) from None
    for at_s, words in played.lines:
        typer.echo(f"{at_s:8.2f} s  {words}")
    typer.echo(played.verdict())
    if not played.is_right:
        raise typer.Exit(1)


@app.command()
def relabel(
    out: Annotated[Path, typer.Option(help="A new folder for the recordings.")],
    config: ConfigOption = None,
) -> None:
    """Export the motion of alarms whose cases were closed with --fall yes or no; no names."""
    from opaska_tools.falls.relabel import relabel as run

    with _readable():
        found = at_office(config, lambda office: run(office, out))
    typer.echo(f"written: {out} ({found.words()})")


@app.command()
def check(
    parameters: Annotated[Path, typer.Argument(help="What `opaska falls train --output` wrote.")],
    labelled: Annotated[Path, typer.Option(help="Folder of recordings, as from `relabel`.")],
) -> None:
    """Refuse parameters that lose a labelled fall which the band's present ones find. Exit 1."""
    with _readable():
        _refuse_loss(parameters, labelled)


@app.command()
def draw(
    curve: Annotated[
        Path | None, typer.Argument(help="The data; docs/falls_curve.json if not given.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The picture; beside the data if not given.")
    ] = None,
) -> None:
    """Draw the trade-off between falls found and false alarms, from what `train` wrote."""
    from opaska_tools.falls.curve import CURVE
    from opaska_tools.falls.curve import draw as run

    with _readable():
        typer.echo(f"written: {run(curve or CURVE, output)}")


def _refuse_loss(new: Path, labelled: Path) -> None:
    from opaska_tools.falls.gate import compare

    compared = compare(new, labelled)
    for line in compared.lines():
        typer.echo(line)
    if compared.lost:
        typer.echo("opaska falls: these parameters are refused: they lose a fall", err=True)
        raise typer.Exit(1)


@contextmanager
def _readable() -> Generator[None]:
    """Turn what is wrong with the folder into one line and exit code 2."""
    from opaska_tools.falls.recordings import BadFolder

    try:
        yield
    except BadFolder as error:
        typer.echo(f"opaska falls: {error}", err=True)
        raise typer.Exit(2) from None
