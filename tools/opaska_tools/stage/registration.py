# SPDX-License-Identifier: Apache-2.0
"""Registers bands in a gateway's database, by the rules behind `opaska bands` and `people`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opaska_gateway import settings_file
from opaska_gateway.registry import assignments, bands, people
from opaska_gateway.registry.change import change
from opaska_gateway.store import open_store

if TYPE_CHECKING:
    from opaska_tools.stage.gateway import Gateway

_FIRST_ACCOUNT = 0x10000  # five hex digits


@dataclass(frozen=True, slots=True)
class Registered:
    """A band that the gateway knows, and the account of its wearer."""

    kid: str
    generation: int
    key: bytes
    account: str


def account_of(number: int) -> str:
    """The account of the n-th wearer that `register_many` registers, counted from 0."""
    return f"{_FIRST_ACCOUNT + number:X}"


async def register_many(gateway: Gateway, count: int) -> list[Registered]:
    """Add `count` bands, each worn by a person of its own, in one transaction."""
    settings = settings_file.load(gateway.config_file)
    registered: list[Registered] = []
    async with open_store(settings.storage) as store, change(store, "stage") as now:
        for number in range(count):
            bundle = await bands.add(now, f"stage {number}")
            person = await people.add(now, {"name": f"Wearer {number}"})
            account = account_of(number)
            await assignments.assign(now, person.hex(), bundle.kid, account)
            key = bytes.fromhex(bundle.key)
            registered.append(Registered(bundle.kid, bundle.generation, key, account))
    return registered
