# SPDX-License-Identifier: Apache-2.0
"""`opaska cases`: the case list, and a human's hand on a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from opaska_gateway.commands.office import ConfigOption, JsonOption, Office, at_office
from opaska_gateway.commands.output import show_rows

if TYPE_CHECKING:
    from opaska_gateway.context import Context

app = typer.Typer(help="Cases: list, take, close.", no_args_is_help=True)

CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="The id, or its beginning.")]
COLUMNS = (
    ("CASE", "id"),
    ("STATE", "state"),
    ("OPENED", "opened_ms"),
    ("KINDS", "kinds"),
    ("BAND", "label"),
    ("NAME", "name"),
    ("OUTCOME", "outcome"),
)


@app.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Closed cases as well.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Open cases, newest first."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import cases

        async with office.read() as connection:
            return await cases.list_all(connection, office.store.vault, closed_too=all_)

    show_rows(at_office(config, work), COLUMNS, as_json=as_json)


@app.command()
def take(case: CaseArgument, config: ConfigOption = None) -> None:
    """Say that you look after a case; the wrist feels it."""

    async def work(office: Office) -> None:
        from opaska_gateway import desk

        await desk.take(_context(office), await _id_of(office, case), office.who)

    at_office(config, work)
    typer.echo(f"case {case} is taken")


@app.command()
def close(
    case: CaseArgument,
    outcome: Annotated[str, typer.Option(help="How it ended, helped, not_needed or not_helped.")],
    why: Annotated[str | None, typer.Option(help="A note for the audit, without names.")] = None,
    config: ConfigOption = None,
) -> None:
    """End a case with its outcome; the wrist feels it."""

    async def work(office: Office) -> None:
        from opaska_gateway import desk

        await desk.close(_context(office), await _id_of(office, case), office.who, outcome, why)

    at_office(config, work)
    typer.echo(f"case {case} is closed")


async def _id_of(office: Office, text: str) -> bytes:
    from opaska_gateway.registry.find import CASE, find

    async with office.read() as connection:
        found: bytes = (await find(connection, CASE, text)).id
        return found


def _context(office: Office) -> Context:
    """The rules without a broker: a running gateway notices the change and tells the wrist."""
    from opaska_gateway.context import Context

    return Context(office.store.database, office.store.vault)
