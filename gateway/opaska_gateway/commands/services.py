# SPDX-License-Identifier: Apache-2.0
"""`opaska services`: what the numbers of services mean, in three languages."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opaska_gateway.care.services import ENGLISH, POLISH, UKRAINIAN
from opaska_gateway.commands.office import ConfigOption, JsonOption, Office, at_office
from opaska_gateway.commands.output import show_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(
    help="Names of services, by number: add, rename, retire, list.", no_args_is_help=True
)


class Language(StrEnum):
    """In which names of services are shown."""

    PL = POLISH
    EN = ENGLISH
    UK = UKRAINIAN


LanguageOption = Annotated[
    Language, typer.Option("--language", envvar="OPASKA_LANGUAGE", help="Of names of services.")
]
NumberArgument = Annotated[
    int, typer.Argument(metavar="NUMBER", help="Of taps or cards, 1 to 99.")
]
PolishOption = Annotated[str, typer.Option("--pl", help="Its name in Polish.")]
EnglishOption = Annotated[str | None, typer.Option("--en", help="In English; else in Polish.")]
UkrainianOption = Annotated[str | None, typer.Option("--uk", help="In Ukrainian; else in Polish.")]
WhyOption = Annotated[str, typer.Option(help="The reason, for the audit.")]
OwnerOption = Annotated[
    str | None, typer.Option("--organisation", help="Whose wearers are served.")
]
COLUMNS = (
    ("NUMBER", "service"),
    ("POLISH", "polish"),
    ("ENGLISH", "english"),
    ("UKRAINIAN", "ukrainian"),
    ("SINCE", "since_ms"),
    ("ORGANISATION", "organisation"),
)


@app.command()
def add(
    number: NumberArgument,
    pl: PolishOption,
    en: EnglishOption = None,
    uk: UkrainianOption = None,
    organisation: OwnerOption = None,
    config: ConfigOption = None,
) -> None:
    """Name a number; visits from before are called so, too."""

    async def work(office: Office) -> None:
        from opaska_gateway.registry import services

        async with office.change() as change:
            await services.add(change, number, _words(pl, en, uk), organisation)

    at_office(config, work)
    typer.echo(f"service {number} is {pl}")


@app.command()
def rename(
    number: NumberArgument,
    pl: PolishOption,
    why: WhyOption,
    en: EnglishOption = None,
    uk: UkrainianOption = None,
    organisation: OwnerOption = None,
    config: ConfigOption = None,
) -> None:
    """Call it otherwise from now on; visits from before keep their name."""

    async def work(office: Office) -> None:
        from opaska_gateway.registry import services

        async with office.change() as change:
            await services.rename(change, number, _words(pl, en, uk), why, organisation)

    at_office(config, work)
    typer.echo(f"service {number} is {pl} from now on")


@app.command()
def retire(
    number: NumberArgument,
    why: WhyOption,
    organisation: OwnerOption = None,
    config: ConfigOption = None,
) -> None:
    """From now on there is no service of this number."""

    async def work(office: Office) -> None:
        from opaska_gateway.registry import services

        async with office.change() as change:
            await services.retire(change, number, why, organisation)

    at_office(config, work)
    typer.echo(f"service {number} is retired")


@app.command("list")
def list_(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Services in use."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import services

        async with office.read() as connection:
            return await services.list_all(connection)

    show_rows(at_office(config, work), COLUMNS, as_json=as_json)


def in_words(rows: list[dict[str, Any]], as_json: bool) -> list[dict[str, Any]]:
    """Rows for a table: a service is told by number and name, in JSON they stay apart."""
    if as_json:
        return rows
    return [
        row | {"service": f"{row['service'] or ''} {row['service_name']}".strip()} for row in rows
    ]


def _words(pl: str, en: str | None, uk: str | None) -> Mapping[str, str | None]:
    return {POLISH: pl, ENGLISH: en, UKRAINIAN: uk}
