# SPDX-License-Identifier: Apache-2.0
"""`opaska broker`: Mosquitto's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opaska_gateway.commands.office import ConfigOption, Office, at_office

app = typer.Typer(help="Files for Mosquitto.", no_args_is_help=True)


@app.command()
def files(
    folder: Annotated[Path, typer.Argument(help="Such as /etc/mosquitto/opaska.")],
    band_address: Annotated[str, typer.Option(help="Where bands connect.")] = "0.0.0.0",  # noqa: S104
    band_port: Annotated[int, typer.Option(help="For bands, over TLS-PSK.")] = 8883,
    gateway_port: Annotated[int, typer.Option(help="For the gateway, on this machine.")] = 1883,
    config: ConfigOption = None,
) -> None:
    """Write configuration, rules, password and band keys for Mosquitto; safe to repeat."""

    async def work(office: Office) -> None:
        from opaska_gateway.broker.mosquitto import MosquittoPlan, write_files
        from opaska_gateway.registry.bands import psk_by_kid

        plan = MosquittoPlan(
            folder.absolute(),
            band_address,
            band_port,
            gateway_port,
            office.settings.broker.username,
        )
        async with office.read() as connection:
            write_files(plan, await psk_by_kid(connection, office.store.vault))

    at_office(config, work)
    typer.echo(f"files for Mosquitto are in {folder}; see gateway/deploy/README.md")


@app.command()
def keys(config: ConfigOption = None) -> None:
    """Write the keys of all bands to the psk_file of the settings again."""

    async def work(office: Office) -> Path:
        from opaska_gateway.broker.keys import update_keys
        from opaska_gateway.errors import BrokerError

        path = office.settings.broker.mosquitto_psk_file
        if path is None:
            raise BrokerError(
                "the settings name no broker.mosquitto_psk_file to write; "
                "the embedded broker needs none"
            )
        await update_keys(office.settings.broker, office.store)
        return path

    typer.echo(f"the keys of all bands are in {at_office(config, work)}")
