# SPDX-License-Identifier: Apache-2.0
"""Keeps Mosquitto's psk_file like the registry: every band that may connect, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_gateway.broker.mosquitto import ask_to_reload, write_psk_file
from opaska_gateway.registry.bands import psk_by_kid

if TYPE_CHECKING:
    from opaska_gateway.settings import BrokerSettings
    from opaska_gateway.store import Store


async def update_keys(settings: BrokerSettings, store: Store) -> None:
    """Write the file and have Mosquitto read it, as far as the settings name them."""
    if settings.mosquitto_psk_file is None:
        return
    async with store.database.read() as connection:
        keys = await psk_by_kid(connection, store.vault)
    write_psk_file(settings.mosquitto_psk_file, keys)
    if settings.mosquitto_pid_file is not None:
        ask_to_reload(settings.mosquitto_pid_file)
