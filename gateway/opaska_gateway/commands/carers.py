# SPDX-License-Identifier: Apache-2.0
"""`opaska carers`: add, list and erase who visits wearers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from opaska_gateway.commands.office import ConfigOption, JsonOption, Office, at_office
from opaska_gateway.commands.output import show_rows
from opaska_gateway.commands.people import TRACES

app = typer.Typer(help="Carers: add, list, erase.", no_args_is_help=True)

CarerArgument = Annotated[str, typer.Argument(metavar="CARER", help="The id, or its beginning.")]
COLUMNS = (("ID", "id"), ("NAME", "name"), ("PHONE", "phone"), ("CARDS", "cards"))


@app.command()
def add(
    name: Annotated[str, typer.Option(help="As it will stand beside the visits.")],
    phone: Annotated[str, typer.Option(help="Where to call.")] = "",
    organisation: Annotated[str | None, typer.Option(help="Who sends them.")] = None,
    config: ConfigOption = None,
) -> None:
    """Add a carer; prints the id that `opaska cards add` takes."""

    async def work(office: Office) -> bytes:
        from opaska_gateway.registry import carers

        facts = {"name": name, "phone": phone}
        async with office.change() as change:
            known = {key: text for key, text in facts.items() if text}
            return await carers.add(change, known, organisation)

    typer.echo(at_office(config, work).hex())


@app.command("list")
def list_(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Everybody, and the cards that count for them."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import carers

        async with office.read() as connection:
            return await carers.list_all(connection, office.store.vault)

    show_rows(at_office(config, work), COLUMNS, as_json=as_json)


@app.command()
def erase(
    carer: CarerArgument,
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    config: ConfigOption = None,
) -> None:
    """Destroy the key to a carer's name and revoke their cards. Their visits stay, nameless."""

    async def work(office: Office) -> bytes:
        from opaska_gateway.registry import carers

        async with office.change() as change:
            erased = await carers.erase(change, carer, why)
        if not await office.store.database.forget_traces():
            typer.echo(TRACES, err=True)
        return erased

    typer.echo(f"carer {at_office(config, work).hex()} is erased")
