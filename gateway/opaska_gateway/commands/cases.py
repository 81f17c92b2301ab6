# SPDX-License-Identifier: Apache-2.0
"""`opaska cases`: the case list, a human's hand on a case, and falls that became none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from opaska_gateway.commands.office import (
    ConfigOption,
    DaysOption,
    JsonOption,
    Office,
    at_office,
    days_ago_ms,
)
from opaska_gateway.commands.output import show_facts, show_rows

if TYPE_CHECKING:
    from opaska_gateway.context import Context

app = typer.Typer(help="Cases: list, show, take, close; announced falls.", no_args_is_help=True)

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
FALL_COLUMNS = (
    ("HAPPENED", "happened_ms"),
    ("STATE", "state"),
    ("BY", "settled_by"),
    ("AT", "settled_ms"),
    ("STILL", "still"),
    ("BAND", "label"),
    ("NAME", "name"),
    ("CASE", "case"),
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
def falls(
    days: DaysOption = 30,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Falls that bands announced, the latest first: cancelled, raised, or still waiting."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import falls

        async with office.read() as connection:
            return await falls.list_all(connection, office.store.vault, days_ago_ms(days))

    show_rows(at_office(config, work), FALL_COLUMNS, as_json=as_json)


@app.command()
def show(case: CaseArgument, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """One case, how much of the motion around its falls has come, and where the band was."""

    async def work(office: Office) -> dict[str, Any]:
        return await shown(office, await _id_of(office, case))

    show_facts(at_office(config, work), as_json=as_json)


async def shown(office: Office, case_id: bytes) -> dict[str, Any]:
    """Who looks at its places is audited; a database that cannot write it hides them from nobody
    who wants to help."""
    from sqlalchemy.exc import DBAPIError

    from opaska_gateway.database.sickness import sickness
    from opaska_gateway.registry import cases, cells

    async with office.read() as connection:
        found = await cases.show(connection, office.store.vault, case_id)
    found["places"] = cells.tell(found["places"], office.settings.places.cells_file)
    try:
        if found["places"]:
            async with office.change() as change:
                await cases.note_reading(change, case_id)
    except DBAPIError as error:
        reason = sickness(error)
        if reason is None:
            raise
        typer.echo(f"opaska: {reason}; the audit does not say that you saw where", err=True)
    return found


@app.command()
def take(
    case: CaseArgument,
    why: Annotated[
        str | None,
        typer.Option(
            help="Why you take one that a receiver handles and does not have; for the audit."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Say that you look after a case; the wrist feels it."""

    async def work(office: Office) -> None:
        from opaska_gateway import desk

        await desk.take(_context(office), await _id_of(office, case), office.who, why)

    at_office(config, work)
    typer.echo(f"case {case} is taken")


@app.command()
def close(
    case: CaseArgument,
    outcome: Annotated[str, typer.Option(help="How it ended, helped, not_needed or not_helped.")],
    why: Annotated[str | None, typer.Option(help="A note for the audit, without names.")] = None,
    fall: Annotated[
        str | None,
        typer.Option(
            help="Whether somebody fell, yes, no or unknown: the detector learns from it by "
            "`opaska falls relabel`."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """End a case with its outcome; the wrist feels it."""

    async def work(office: Office) -> None:
        from opaska_gateway import desk

        case_id = await _id_of(office, case)
        await desk.close(_context(office), case_id, office.who, outcome, why, fall)

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
