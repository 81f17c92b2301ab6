# SPDX-License-Identifier: Apache-2.0
"""`opaska people`: add, show and erase people, put bands on their wrists, note absences."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from opaska_gateway import clock
from opaska_gateway.commands.office import ConfigOption, JsonOption, Office, at_office
from opaska_gateway.commands.output import show_facts, show_rows

app = typer.Typer(
    help="People: add, list, assign a band, note absences, erase.", no_args_is_help=True
)

PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="The id, or its beginning.")]
BandArgument = Annotated[str, typer.Argument(metavar="BAND", help="Its kid, or its label.")]
COLUMNS = (("ID", "id"), ("NAME", "name"), ("PHONE", "phone"), ("BANDS", "bands"))
WORN_COLUMNS = (
    ("DAY", "day"),
    ("WORN", "worn_hours"),
    ("CHARGING", "charging_hours"),
    ("OFF", "off_hours"),
    ("UNKNOWN", "unknown_hours"),
)
TRACES = (
    "opaska: the database is busy, so the destroyed key may still stand in its log;"
    " restart the gateway to be rid of it"
)
ABSENCE_COLUMNS = (
    ("PERSON", "person_id"),
    ("NAME", "name"),
    ("FROM", "from_ms"),
    ("UNTIL", "to_ms"),
    ("WHY", "why"),
)
AREA_HELP = "Of the home, in the clear, for outages; from the address: a postal district."
TIME_HELP = 'Such as 2026-12-24, or "2026-12-24 14:00"; where the person lives.'
TIME_ZONE_HELP = "IANA time zone of the home, such as Europe/Warsaw."


@app.command()
def add(
    name: Annotated[str, typer.Option(help="As the dispatcher will read it.")],
    phone: Annotated[str, typer.Option(help="Where to call back.")] = "",
    notes: Annotated[str, typer.Option(help="What helpers must know.")] = "",
    address: Annotated[str, typer.Option(help="The home.")] = "",
    area: Annotated[str, typer.Option(help=AREA_HELP)] = "",
    time_zone: Annotated[str, typer.Option(help=TIME_ZONE_HELP)] = "Europe/Warsaw",
    organisation: Annotated[str | None, typer.Option(help="Who looks after them.")] = None,
    config: ConfigOption = None,
) -> None:
    """Add a person and their home; prints the id that other commands take."""

    async def work(office: Office) -> bytes:
        from opaska_gateway.registry import people

        facts = {"name": name, "phone": phone, "notes": notes}
        async with office.change() as change:
            person_id = await people.add(
                change, {key: text for key, text in facts.items() if text}, organisation
            )
            home = (time_zone, address or None, area or None)
            await people.live_at(change, person_id.hex(), *home)
        return person_id

    typer.echo(at_office(config, work).hex())


@app.command("list")
def list_(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Everybody, and the bands they wear."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import people

        async with office.read() as connection:
            return await people.list_all(connection, office.store.vault)

    show_rows(at_office(config, work), COLUMNS, as_json=as_json)


@app.command()
def show(person: PersonArgument, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """All we know about one person."""

    async def work(office: Office) -> dict[str, Any]:
        from opaska_gateway.registry import people

        async with office.read() as connection:
            return await people.show(connection, office.store.vault, person)

    show_facts(at_office(config, work), as_json=as_json)


@app.command()
def worn(
    person: PersonArgument,
    days: Annotated[int, typer.Option(min=1, max=400, help="How many, today included.")] = 7,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Hours a day on the wrist, in the time zone of the home; unknown hours are not worn ones."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway import clock
        from opaska_gateway.registry import worn as ledger

        async with office.read() as connection:
            return await ledger.show(connection, person, days, clock.now_ms())

    show_rows(at_office(config, work), WORN_COLUMNS, as_json=as_json)


@app.command()
def assign(
    person: PersonArgument,
    band: BandArgument,
    account: Annotated[
        str | None, typer.Option(help="Account at the monitoring centre, 3-16 hex digits.")
    ] = None,
    address: Annotated[str, typer.Option(help="The home, when it is a new one.")] = "",
    area: Annotated[str, typer.Option(help=AREA_HELP)] = "",
    time_zone: Annotated[str | None, typer.Option(help=TIME_ZONE_HELP)] = None,
    agreement: Annotated[
        str | None, typer.Option(help="By which alarms are answered; the newest in force.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Put a band on a person's wrist, from now on."""

    async def work(office: Office) -> None:
        from opaska_gateway.registry import assignments, people

        async with office.change() as change:
            if address or area or time_zone:
                zone = time_zone or "Europe/Warsaw"
                await people.live_at(change, person, zone, address or None, area or None)
            await assignments.assign(change, person, band, account, agreement)

    at_office(config, work)
    typer.echo(f"band {band} is assigned")


@app.command()
def unassign(
    band: BandArgument,
    why: Annotated[str | None, typer.Option(help="The reason, for the audit.")] = None,
    config: ConfigOption = None,
) -> None:
    """Take a band off its wearer, from now on."""

    async def work(office: Office) -> None:
        from opaska_gateway.registry import assignments

        async with office.change() as change:
            await assignments.unassign(change, band, why)

    at_office(config, work)
    typer.echo(f"band {band} is back in store")


@app.command()
def absent(
    person: PersonArgument,
    until: Annotated[str, typer.Option("--until", help=TIME_HELP)],
    why: Annotated[str, typer.Option(help="Such as hospital, or journey; kept sealed.")],
    begin: Annotated[
        str | None, typer.Option("--from", help=f"{TIME_HELP} Without it: now.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Expect no word of a person's band meanwhile. An SOS rings as always."""

    async def work(office: Office) -> None:
        from opaska_gateway.registry import absences

        async with office.change() as change:
            await absences.add(change, person, begin, until, why)

    at_office(config, work)
    typer.echo(f"person {person} is absent until {until}")


@app.command()
def present(
    person: PersonArgument,
    planned: Annotated[
        bool, typer.Option("--planned", help="Call off the absences that are still to come, too.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """A person is back before the absence ends; with --planned she does not go, either."""

    async def work(office: Office) -> int:
        from opaska_gateway.registry import absences

        async with office.change() as change:
            return await absences.end(change, person, planned_too=planned)

    typer.echo(f"{at_office(config, work)} absence(s) of person {person} ended")


@app.command()
def absences(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Who is absent now, or will be."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import absences

        async with office.read() as connection:
            return await absences.list_all(connection, office.store.vault, clock.now_ms())

    show_rows(at_office(config, work), ABSENCE_COLUMNS, as_json=as_json)


@app.command()
def erase(
    person: PersonArgument,
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    config: ConfigOption = None,
) -> None:
    """Destroy the key to everything about a person. There is no way back."""

    async def work(office: Office) -> bytes:
        from opaska_gateway.registry import people

        async with office.change() as change:
            erased = await people.erase(change, person, why)
        if not await office.store.database.forget_traces():
            typer.echo(TRACES, err=True)
        return erased

    typer.echo(f"person {at_office(config, work).hex()} is erased")
