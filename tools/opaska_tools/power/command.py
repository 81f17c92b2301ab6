# SPDX-License-Identifier: Apache-2.0
"""`opaska power`: how long the cell lasts, and whether a change makes that shorter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Energy: how many days the cell lasts.", no_args_is_help=True)

_GOAL_DAYS = 7


@app.callback()
def _power() -> None:  # pyright: ignore[reportUnusedFunction]
    """A command of its own, so that others can come beside it."""


@app.command()
def budget(
    profile: Annotated[
        str | None, typer.Option(help="quiet, standard or active: what its day takes.")
    ] = None,
    design: Annotated[str, typer.Option(help="With --profile: one of power.toml.")] = "today",
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 when more than 5 % of the days are lost.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Write power_budget.json, with which others compare.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    kept: Annotated[Path | None, typer.Option(help="Another power_budget.json.")] = None,
) -> None:
    """Days per profile, from an hour and an alarm of a simulated band; some twenty seconds."""
    from opaska_tools.power import budget as arithmetic
    from opaska_tools.power.lived import live

    table, file = arithmetic.table(), kept or arithmetic.KEPT
    _refuse_unknown(table, design, profile)
    lived = live()
    found = arithmetic.Budget(table, lived)
    days = found.days()
    figures: dict[str, Any] = {"simulated": lived.as_json(), "days": days}
    if profile:
        items = found.items(design, profile)
        figures["mah_per_day"] = {name: round(mah, 2) for name, mah in items.items()}
    typer.echo(json.dumps(figures) if as_json else _text(figures, table))
    if keep:
        content = {"simulated": lived.as_json(), "days": days}
        file.write_text(json.dumps(content, indent=2) + "\n")
    if check:
        _check(arithmetic.dearer(json.loads(file.read_text())["days"], days))


def _refuse_unknown(table: dict[str, Any], design: str, profile: str | None) -> None:
    for kind, name in (("design", design), ("profile", profile)):
        if name and name not in table[kind]:
            known = ", ".join(table[kind])
            typer.echo(f"opaska power: no {kind} {name}; there is {known}", err=True)
            raise typer.Exit(2)


def _check(lost: list[str]) -> None:
    for line in lost:
        typer.echo(f"opaska power: {line}", err=True)
    if lost:
        typer.echo("If it must be, `opaska power budget --keep` and say why.", err=True)
        raise typer.Exit(1)


def _text(figures: dict[str, Any], table: dict[str, Any]) -> str:
    profiles = list(table["profile"])
    lines = [f"days on {table['cell']['mah']} mAh, simulated; the goal is {_GOAL_DAYS}"]
    lines.append(" " * 10 + "".join(f"{name:>10}" for name in profiles))
    for name, days in figures["days"].items():
        row = "".join(f"{days[profile]:10.1f}" for profile in profiles)
        lines.append(f"{name:10}{row}   {table['design'][name]['says']}")
    for name, mah in figures.get("mah_per_day", {}).items():
        lines.append(f"{mah:10.2f} mAh a day  {name}")
    return "\n".join(lines)
