# SPDX-License-Identifier: Apache-2.0
"""`opaska simulate`: one simulated band in a plain terminal, to press and to break by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from opaska_tools.simulator.hand import Hand

EXIT_USAGE = 2
DEFAULT_FOLDER = Path("var/simulated_band")
DEFAULT_BROKER = "127.0.0.1:1883"


def simulate(
    folder: Annotated[
        Path, typer.Option(help="Where the band keeps its flash; made when it is not there.")
    ] = DEFAULT_FOLDER,
    broker: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the radio path leads.")
    ] = DEFAULT_BROKER,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Identity to provision it with: what `opaska bands add --out` wrote."),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="TLS with the band's key.")] = False,
) -> None:
    """A simulated band with the real firmware: press it, cut link or power, see its signals."""
    host, _, port = broker.rpartition(":")
    if not host or not port.isdigit():
        _refuse(f"--broker {broker}: write HOST:PORT, for example {DEFAULT_BROKER}")
    identity = _read_bundle(bundle) if bundle else None
    from opaska_tools.simulator.places import NotHere

    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_simulate(folder, (host, int(port)), identity, tls))
    except NotHere as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(1) from None


def _read_bundle(file: Path) -> dict[str, Any]:
    try:
        bundle: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return {
            "kid": bytes.fromhex(bundle["kid"]),
            "key": bytes.fromhex(bundle["key"]),
            "generation": int(bundle["generation"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        _refuse(f"{file}: not an identity; make one with `opaska bands add --out {file}`")


def _refuse(words: str) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(EXIT_USAGE)


async def _simulate(
    folder: Path, broker: tuple[str, int], identity: dict[str, Any] | None, tls: bool
) -> None:
    from opaska_tools.simulator.band import SimulatedBand
    from opaska_tools.simulator.hand import Hand
    from opaska_tools.simulator.identity import NAMESPACE, read_nvs

    async with SimulatedBand(folder, broker) as band:
        if identity:
            band.provision(**identity, tls=tls)
        elif "kid" not in read_nvs(folder).get(NAMESPACE, {}):
            typer.echo(
                "This band has no identity and can send nothing. To give it one, and somebody "
                "who answers:\n"
                "  opaska serve    (in another terminal, and leave it running)\n"
                "  opaska bands add --out band.json\n"
                f"  opaska simulate --folder {folder} --bundle band.json"
            )
        hand = Hand(band, typer.echo)
        await band.start()
        await _obey(hand)


async def _obey(hand: Hand) -> None:
    """Keys from a terminal; without one the band just lives until it is interrupted."""
    if not sys.stdin.isatty():
        await asyncio.Event().wait()
    from opaska_tools.demo.keys import pressed_keys

    typer.echo(hand.help)
    with pressed_keys() as keys:
        while (key := await keys.get()) != "q":
            await hand.press_key(key)
