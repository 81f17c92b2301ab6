# SPDX-License-Identifier: Apache-2.0
"""`opaska organisations`: who owns bands, and by which agreement alarms are answered."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from opaska_gateway.commands.office import ConfigOption, JsonOption, Office, at_office
from opaska_gateway.commands.output import show_rows

app = typer.Typer(help="Organisations and their agreements.", no_args_is_help=True)

COLUMNS = (
    ("NAME", "name"),
    ("ID", "id"),
    ("TIME ZONE", "time_zone"),
    ("ACCOUNT", "default_account"),
    ("AGREEMENT", "agreement_id"),
    ("HANDLING", "handling"),
)


@app.command()
def add(
    name: str,
    time_zone: Annotated[str, typer.Option(help="IANA time zone.")] = "Europe/Warsaw",
    account: Annotated[
        str | None, typer.Option(help="DC-09 account for bands that nobody wears.")
    ] = None,
    external: Annotated[
        bool, typer.Option(help="The monitoring centre handles the cases, not our dispatchers.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Add an organisation that answers its own alarms; prints its id."""

    async def work(office: Office) -> bytes:
        from opaska_gateway.registry import organisations

        handling: organisations.Handling = "external" if external else "console"
        async with office.change() as change:
            return await organisations.add(change, name, time_zone, account, handling)

    typer.echo(at_office(config, work).hex())


@app.command("list")
def list_(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """All organisations with their agreements."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import organisations

        async with office.read() as connection:
            return await organisations.list_all(connection)

    show_rows(at_office(config, work), COLUMNS, as_json=as_json)
