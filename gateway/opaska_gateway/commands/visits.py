# SPDX-License-Identifier: Apache-2.0
"""`opaska visits`: list, correct, plan and export carers' visits."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opaska_gateway import clock
from opaska_gateway.commands.bundle import new_file
from opaska_gateway.commands.office import (
    ConfigOption,
    DaysOption,
    JsonOption,
    Office,
    at_office,
    days_ago_ms,
    errors_told,
)
from opaska_gateway.commands.output import show_rows, time_text
from opaska_gateway.commands.people import TIME_HELP, PersonArgument
from opaska_gateway.commands.services import Language, LanguageOption, in_words

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import TextIO

app = typer.Typer(help="Carers' visits: list, correct, plan, export.", no_args_is_help=True)

CarerOption = Annotated[str | None, typer.Option(metavar="CARER", help="The id of a carer.")]
WhyOption = Annotated[str, typer.Option(help="The reason; of a correction it is kept sealed.")]
COLUMNS = (
    ("VISIT", "visit"),
    ("STATE", "state"),
    ("CARER", "carer"),
    ("PERSON", "person"),
    ("SERVICE", "service"),
    ("FROM", "from_ms"),
    ("TO", "to_ms"),
    ("WHERE", "where"),
    ("PROOF", "proof"),
    ("TEST", "test"),
    ("MARKS", "marks"),
    ("SAID", "said"),
)
REFUSED_COLUMNS = (
    ("BAND", "label"),
    ("CARD", "card"),
    ("CARER", "carer"),
    ("WHY", "why"),
    ("TIMES", "times"),
    ("FIRST", "first_ms"),
    ("LAST", "last_ms"),
)
PLANNED_COLUMNS = (
    ("ID", "id"),
    ("AT", "at_ms"),
    ("PERSON", "person"),
    ("CARER", "carer"),
    ("SERVICE", "service"),
    ("MINUTES", "minutes"),
    ("STATE", "state"),
    ("VISIT", "visit"),
)


@app.command("list")
def list_(
    person: Annotated[str | None, typer.Option(help="Of one wearer only: the id.")] = None,
    carer: CarerOption = None,
    days: DaysOption = 7,
    language: LanguageOption = Language.PL,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Visits, the latest first: who, for whom, what service, from, to, where; and what is odd."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import visits

        now_ms, since_ms, vault = clock.now_ms(), days_ago_ms(days), office.store.vault
        async with office.read() as connection:
            times = (since_ms, now_ms, now_ms)
            which = person, carer, language.value
            return await visits.list_all(connection, vault, *times, *which)

    lines = in_words(at_office(config, work), as_json)
    if not as_json:
        lines = [line | {"said": _said(line)} for line in lines]
    show_rows(lines, COLUMNS, as_json=as_json)


@app.command()
def refused(
    days: DaysOption = 30, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Touches that do not count: replayed, copied or revoked cards, and how often."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import visit_refusals

        async with office.read() as connection:
            vault, now_ms = office.store.vault, clock.now_ms()
            return await visit_refusals.list_all(connection, vault, days_ago_ms(days), now_ms)

    show_rows(at_office(config, work), REFUSED_COLUMNS, as_json=as_json)


@app.command()
def add(
    person: PersonArgument,
    carer: Annotated[str, typer.Option(metavar="CARER", help="Who came: the id of a carer.")],
    begin: Annotated[str, typer.Option("--from", help=TIME_HELP)],
    end: Annotated[str, typer.Option("--to", help=TIME_HELP)],
    asked_by: Annotated[str, typer.Option(help="Who asked for it; kept sealed.")],
    why: Annotated[str, typer.Option(help="Why there was no touch; kept sealed.")],
    service: Annotated[int, typer.Option(help="Its number, 1 to 99.")] = 1,
    away: Annotated[
        bool | None, typer.Option("--away/--home", help="Where it was, if somebody says.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Note a visit by hand, when the card was forgotten; it stays marked as such."""

    async def work(office: Office) -> str:
        from opaska_gateway.registry import by_hand

        told = by_hand.Told(begin, end, service, away)
        async with office.change() as change:
            return await by_hand.add(change, person, carer, told, asked_by, why)

    typer.echo(f"visit {at_office(config, work)} is noted, by hand")


@app.command()
def correct(
    visit: Annotated[str, typer.Argument(metavar="VISIT", help="Its number in the list.")],
    why: WhyOption,
    begin: Annotated[str | None, typer.Option("--from", help=TIME_HELP)] = None,
    end: Annotated[str | None, typer.Option("--to", help=TIME_HELP)] = None,
    carer: CarerOption = None,
    service: Annotated[int | None, typer.Option(help="Its number, 1 to 99.")] = None,
    withdraw: Annotated[
        bool | None,
        typer.Option("--withdraw/--reinstate", help="It was no visit; or it was one after all."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Say what a visit was; it stands beside what the band has measured, with your name."""

    async def work(office: Office) -> int:
        from opaska_gateway.registry import visit_changes

        said = visit_changes.Said(begin, end, carer, service, withdraw)
        async with office.change() as change:
            return await visit_changes.correct(change, visit, said, why)

    typer.echo(f"{at_office(config, work)} correction(s) of visit {visit} noted")


@app.command()
def plan(
    person: PersonArgument,
    at: Annotated[str, typer.Option("--at", help=TIME_HELP)],
    minutes: Annotated[int, typer.Option(help="How long it lasts.")],
    service: Annotated[int, typer.Option(help="Its number, 1 to 99.")] = 1,
    carer: CarerOption = None,
    weeks: Annotated[int, typer.Option(help="So many weeks, at the same hour.")] = 1,
    config: ConfigOption = None,
) -> None:
    """Plan a visit; the band tells a carer who comes within two hours of it that it was."""

    async def work(office: Office) -> list[bytes]:
        from opaska_gateway.registry import planned

        async with office.change() as change:
            return await planned.add(change, person, at, minutes, service, carer, weeks)

    for plan_id in at_office(config, work):
        typer.echo(plan_id.hex())


@app.command("call-off")
def call_off(
    planned: Annotated[str, typer.Argument(metavar="ID", help="Of the planned visit.")],
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    config: ConfigOption = None,
) -> None:
    """A planned visit will not be."""

    async def work(office: Office) -> int:
        from opaska_gateway.registry import planned as plans

        async with office.change() as change:
            return await plans.call_off(change, planned, why)

    typer.echo(f"the visit planned for {time_text(at_office(config, work))} is called off")


@app.command("planned")
def planned_(
    days: DaysOption = 7,
    language: LanguageOption = Language.PL,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Planned visits, since some days and to come: expected, done, missed or called off."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import planned

        async with office.read() as connection:
            times = days_ago_ms(days), clock.now_ms()
            return await planned.list_all(connection, office.store.vault, *times, language.value)

    show_rows(in_words(at_office(config, work), as_json), PLANNED_COLUMNS, as_json=as_json)


@app.command()
def export(
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    out: Annotated[Path | None, typer.Option(help="A new file, mode 0600; else stdout.")] = None,
    days: DaysOption = 31,
    language: LanguageOption = Language.PL,
    config: ConfigOption = None,
) -> None:
    """Visits as CSV, times where the wearer lives; with coordinates of those away from home."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import visit_export

        async with office.change() as change:
            times = days_ago_ms(days), change.at_ms
            return await visit_export.export(change, *times, why, language.value)

    receiver: AbstractContextManager[TextIO] = new_file(out) if out else nullcontext(sys.stdout)
    with errors_told(), receiver as file:
        from opaska_gateway.registry import visit_export

        rows = at_office(config, work)  # that they leave is in the audit by now
        visit_export.write(rows, file)
    typer.echo(f"{len(rows)} visit(s) exported", err=True)


def _said(line: dict[str, Any]) -> str:
    """The last that people say of each thing."""
    last = {one["what"]: one for one in line["said"]}
    return "; ".join(f"{_in_words(what, one['is'])} by {one['by']}" for what, one in last.items())


def _in_words(what: str, value: Any) -> str:
    if what == "by_hand":
        return f"asked by {value}, noted"
    if what == "withdrawn":
        return "withdrawn" if value else "reinstated"
    return f"{what} {time_text(value) if what in ('from', 'to') else value}"
