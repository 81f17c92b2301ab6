# SPDX-License-Identifier: Apache-2.0
"""`opaska bands`: add, list, set and revoke bands."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opaska_gateway.commands.bundle import OutOption, bundle_receiver
from opaska_gateway.commands.office import (
    ConfigOption,
    DaysOption,
    JsonOption,
    Office,
    at_office,
    days_ago_ms,
    errors_told,
)
from opaska_gateway.commands.output import show_json, show_rows, time_text

if TYPE_CHECKING:
    from opaska_gateway.registry.bands import Bundle
    from opaska_gateway.registry.change import Change
    from opaska_gateway.registry.orders import Ordered

app = typer.Typer(help="Bands: add, list, set, revoke.", no_args_is_help=True)

BandArgument = Annotated[str, typer.Argument(metavar="BAND", help="Its kid, or its label.")]
COLUMNS = (
    ("LABEL", "label"),
    ("KID", "kid"),
    ("STATE", "state"),
    ("PERSON", "person_id"),
    ("ACCOUNT", "account"),
)
WHERE_COLUMNS = (
    ("RECEIVED", "received_ms"),
    ("LATITUDE", "latitude"),
    ("LONGITUDE", "longitude"),
    ("WITHIN M", "accuracy_m"),
    ("AGE S", "age_s"),
    ("CELL", "cell"),
    ("CELL AT", "cell_at"),
)
VITALS_COLUMNS = (
    ("MEASURED", "measured_ms"),
    ("PULSE", "heart_rate_bpm"),
    ("SATURATION, FOR ORIENTATION", "spo2_percent"),
    ("QUALITY", "quality_percent"),
    ("WHY", "why"),
)
FAULT_COLUMNS = (
    ("LABEL", "label"),
    ("KID", "kid"),
    ("FAULT", "fault"),
    ("TIMES", "times"),
    ("FIRST", "first_ms"),
    ("LAST", "last_ms"),
    ("DETAIL", "detail"),
    ("CENTRE", "centre"),
    ("STATE", "state"),
    ("IN CHARGE", "in_charge"),
    ("DUE", "due_ms"),
)
SETTINGS_COLUMNS = (
    ("SETTING", "name"),
    ("DESIRED", "desired"),
    ("REPORTED", "reported"),
    ("DEFAULT", "default"),
    ("RANGE", "range"),
)
SILENT_COLUMNS = (
    ("LABEL", "label"),
    ("KID", "kid"),
    ("STATE", "state"),
    ("SINCE", "since_ms"),
    ("FAULT", "raised_ms"),
    ("ENDED", "ended_ms"),
    ("CAUSE", "cause"),
    ("DETAIL", "detail"),
    ("NAME", "name"),
    ("PHONE", "phone"),
    ("OUTAGE", "outage"),
    ("CENTRE", "centre"),
)


@app.command()
def add(
    label: Annotated[
        str | None, typer.Option(help="What is printed on the band; the next number.")
    ] = None,
    organisation: Annotated[
        str | None, typer.Option(help="Who owns it; the only organisation there is.")
    ] = None,
    out: OutOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a band known and hand out its key, once, as a JSON bundle to provision it with."""

    async def make(change: Change) -> Bundle:
        from opaska_gateway.registry import bands

        return await bands.add(change, label, organisation)

    _hand_out_bundle(make, out, config)


@app.command()
def rekey(band: BandArgument, out: OutOption = None, config: ConfigOption = None) -> None:
    """Give a band that nobody wears a new key, at each hand-over; provision it anew with it."""

    async def make(change: Change) -> Bundle:
        from opaska_gateway.registry import bands

        return await bands.rekey(change, band)

    _hand_out_bundle(make, out, config)


@app.command("list")
def list_(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """All bands, who wears them, and which are revoked."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import bands

        async with office.read() as connection:
            return [_row(row) for row in await bands.list_all(connection)]

    show_rows(at_office(config, work), COLUMNS, as_json=as_json)


@app.command()
def faults(
    days: DaysOption = 30,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """What is wrong with bands: what carers' visits have shown, by deadline, with who sees to it;
    then what bands said themselves, the latest first, and whether the centre was told."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import faults, visit_faults

        since_ms, now_ms = days_ago_ms(days), days_ago_ms(0)
        async with office.read() as connection:
            shown = await visit_faults.list_all(connection, since_ms, now_ms)
            return [*shown, *await faults.list_all(connection, since_ms)]

    show_rows(at_office(config, work), FAULT_COLUMNS, as_json=as_json)


@app.command()
def silent(
    all_: Annotated[
        bool, typer.Option("--all", help="Also missing ones, and those that are over.")
    ] = False,
    days: DaysOption = 30,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Bands that have fallen silent: since when, probably why, and whom to call."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import silence

        since_ms = days_ago_ms(days) if all_ else None
        async with office.read() as connection:
            return await silence.list_all(connection, office.store.vault, since_ms)

    show_rows(at_office(config, work), SILENT_COLUMNS, as_json=as_json)


@app.command("set")
def set_(
    band: BandArgument,
    settings: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...")],
    config: ConfigOption = None,
) -> None:
    """Order settings, such as hold_ms=800 or hr_low=default; the band says when it has them."""

    async def work(office: Office) -> Ordered:
        from opaska_gateway.registry import orders

        wanted = orders.parse_settings(settings)
        async with office.change() as change:
            return await orders.set_band(change, band, wanted)

    version, dseq = at_office(config, work)
    typer.echo(f"order {dseq} waits for band {band}: version {version} of its settings")


@app.command("settings")
def settings_(
    band: BandArgument, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """The settings that a band is to have, and those that it says are in force."""

    async def work(office: Office) -> dict[str, Any]:
        from opaska_gateway.registry import orders

        async with office.read() as connection:
            return await orders.shown(connection, band)

    found = at_office(config, work)
    if as_json:
        show_json(found)
    else:
        show_rows(list(map(_in_words, found["settings"])), SETTINGS_COLUMNS, as_json=False)
        typer.echo(_agreed(found))


@app.command()
def locate(
    band: BandArgument,
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    config: ConfigOption = None,
) -> None:
    """Order one position from a band, now; `bands where` shows it when it has come."""
    from opaska_gateway.registry import whereabouts

    _order(config, band, lambda change: whereabouts.locate(change, band, why))


@app.command()
def zones(
    band: BandArgument,
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    circles: Annotated[
        list[str] | None, typer.Argument(metavar="[NUMBER=LATITUDE,LONGITUDE,RADIUS]...")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Order the safe zones of a wearer, up to three circles in degrees and metres; none ends them.

    The band raises an alarm when all of them are left, and tells when one is entered again.
    """
    from opaska_gateway.registry import whereabouts

    _order(config, band, lambda change: whereabouts.set_zones(change, band, circles or [], why))


@app.command()
def where(
    band: BandArgument,
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Where a band said that its wearer of now was, the latest first."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import cells, whereabouts

        async with office.change() as change:
            found = await whereabouts.of_band(change, band, why)
        return cells.tell(found, office.settings.places.cells_file)

    show_rows(at_office(config, work), WHERE_COLUMNS, as_json=as_json)


@app.command()
def vitals(
    band: BandArgument,
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """What a band has measured of its wearer of now, the latest first; no medical device."""

    async def work(office: Office) -> list[dict[str, Any]]:
        from opaska_gateway.registry import vitals as measured

        async with office.change() as change:
            return await measured.of_band(change, band, why)

    show_rows(at_office(config, work), VITALS_COLUMNS, as_json=as_json)


@app.command()
def measure(
    band: BandArgument,
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    config: ConfigOption = None,
) -> None:
    """Order one measurement of the pulse, now; `bands vitals` shows it when it has come."""
    from opaska_gateway.registry import vitals as measured

    _order(config, band, lambda change: measured.measure(change, band, why))


@app.command()
def revoke(
    band: BandArgument,
    why: Annotated[str, typer.Option(help="The reason, for the audit.")],
    config: ConfigOption = None,
) -> None:
    """Refuse everything from a band from now on, for ever."""

    async def work(office: Office) -> str:
        from opaska_gateway.broker.keys import update_keys
        from opaska_gateway.registry import bands

        async with office.change() as change:
            kid = await bands.revoke(change, band, why)
        await update_keys(office.settings.broker, office.store)
        return kid

    typer.echo(f"band {at_office(config, work)} is revoked")


def _hand_out_bundle(
    make: Callable[[Change], Awaitable[Bundle]], out: Path | None, config: Path | None
) -> None:
    async def work(office: Office) -> Bundle:
        from opaska_gateway.broker.keys import update_keys

        async with office.change() as change:
            bundle = await make(change)
        hand_out(json.dumps(asdict(bundle), indent=2))  # first of all: it cannot be had again
        await update_keys(office.settings.broker, office.store)
        return bundle

    with errors_told(), bundle_receiver(out) as hand_out:
        bundle = at_office(config, work)
    if out:
        typer.echo(f"band {bundle.label} ({bundle.kid}): bundle written to {out}", err=True)


def _in_words(setting: dict[str, Any]) -> dict[str, Any]:
    """As `bands set` takes them; "?" for what nobody knows."""
    words = {None: "?", True: "true", False: "false"}
    return {
        name: words[value] if value is None or isinstance(value, bool) else value
        for name, value in setting.items()
    }


def _agreed(found: dict[str, Any]) -> str:
    """Whether the band has what it is to have, in words."""
    desired, reported = found["desired_version"], found["reported_version"]
    if reported is None:
        has = "the band has not said yet which settings it has"
    else:
        has = f"version {reported} is in force since {time_text(found['reported_ms'])}"
    if desired == (reported or 0):
        return has
    return (
        f"{has}; version {desired} was ordered, last at {time_text(found['ordered_ms'])}; "
        "if the band refuses it: opaska bands faults"
    )


def _row(row: dict[str, Any]) -> dict[str, Any]:
    worn = row["person_id"] is not None
    state = "revoked" if row["revoked_ms"] else "worn" if worn else "in store"
    return {**row, "state": state, "kid": row["kid"].hex()}


def _order(config: Path | None, band: str, give: Callable[[Change], Awaitable[int]]) -> None:
    """Order something of a band, and say so."""

    async def work(office: Office) -> int:
        async with office.change() as change:
            return await give(change)

    typer.echo(f"order {at_office(config, work)} waits for band {band}")
