# SPDX-License-Identifier: Apache-2.0
"""`opaska cards`: add, list and revoke carers' cards."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from opaska_gateway import clock
from opaska_gateway.commands.bundle import OutOption, bundle_receiver
from opaska_gateway.commands.carers import CarerArgument
from opaska_gateway.commands.office import (
    ConfigOption,
    JsonOption,
    Office,
    at_office,
    errors_told,
)
from opaska_gateway.commands.output import show_rows
from opaska_gateway.commands.services import Language, LanguageOption, in_words
from opaska_gateway.errors import Refused

if TYPE_CHECKING:
    from opaska_gateway.registry.cards import Bundle

app = typer.Typer(help="Carers' cards: add, list, revoke.", no_args_is_help=True)

CardArgument = Annotated[
    str, typer.Argument(metavar="CARD", help="Its UID, or the beginning of its id.")
]
COLUMNS = (
    ("UID", "uid"),
    ("KIND", "kind"),
    ("SERVICE", "service"),
    ("NAME", "name"),
    ("READINGS", "counter"),
    ("REVOKED", "revoked_ms"),
)


@app.command()
def add(
    carer: CarerArgument,
    uid: Annotated[str, typer.Argument(metavar="UID", help="As a reader prints it.")],
    kind: Annotated[
        str, typer.Option(help="ntag424 proves each reading; tag is any other.")
    ] = "ntag424",
    service: Annotated[
        int | None, typer.Option(help="Of every visit with it; else the number of taps.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(help="JSON file with the keys of a card that is set up; else new ones."),
    ] = None,
    out: OutOption = None,
    config: ConfigOption = None,
) -> None:
    """Give a carer a card; hands out the keys to set it up with, once, as JSON."""
    with errors_told(), bundle_receiver(out) as hand_out:
        theirs = _read(keys) if keys else None

        async def work(office: Office) -> Bundle | None:
            from opaska_gateway.registry import cards

            async with office.change() as change:
                return await cards.add(change, carer, uid, kind, service, theirs)

        bundle = at_office(config, work)
        if bundle is not None and theirs is None:
            hand_out(json.dumps(asdict(bundle), indent=2))
    typer.echo(f"card {uid} is added", err=True)


@app.command("list")
def list_(
    language: LanguageOption = Language.PL,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Every card, whose it is, and its highest reading so far."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import cards

        async with office.read() as connection:
            now_ms = clock.now_ms()
            return await cards.list_all(connection, office.store.vault, now_ms, language.value)

    show_rows(in_words(at_office(config, work), as_json), COLUMNS, as_json=as_json)


@app.command()
def revoke(
    card: CardArgument,
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    since: Annotated[
        str | None,
        typer.Option(help='When it was lost, such as "2026-12-24 14:00"; else now.'),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Let a card's touches count no more, from now on or since it was lost, for ever."""

    async def work(office: Office) -> str:
        from opaska_gateway.registry import cards

        async with office.change() as change:
            return await cards.revoke(change, card, why, since)

    typer.echo(f"card {at_office(config, work)} is revoked")


def _read(file: Path) -> dict[str, Any]:
    try:
        keys = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"{file}: cannot be read ({error})") from None
    if not isinstance(keys, dict):
        raise Refused(f"{file}: write a JSON object with meta_read_key and file_read_key")
    return cast("dict[str, Any]", keys)
