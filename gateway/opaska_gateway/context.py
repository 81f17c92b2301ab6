# SPDX-License-Identifier: Apache-2.0
"""What the pipeline, the ways in and the watches share in one gateway process."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import TYPE_CHECKING

from opaska_gateway import clock
from opaska_gateway.allowance import Allowance
from opaska_gateway.bands import Bands
from opaska_gateway.bodies import Bodies
from opaska_gateway.dating import Dating
from opaska_gateway.replies import Replies
from opaska_gateway.resender import Resender
from opaska_gateway.troubles import Troubles
from opaska_gateway.unverified import Unverified
from opaska_gateway.words import Words
from opaska_protocol.frame import SALT_SIZE

if TYPE_CHECKING:
    from opaska_gateway.database.engine import Database
    from opaska_gateway.vault import Vault


class Context:
    """Built once by `service.py`."""

    def __init__(self, database: Database, vault: Vault) -> None:
        gateway_salt = os.urandom(SALT_SIZE)  # new at each start: see DESIGN, "Down"
        self.database = database
        self.vault = vault
        self.bands = Bands(database, vault, gateway_salt)
        self.replies = Replies(vault)
        self.resender = Resender(database, self.bands, self.replies)
        self.dating = Dating()
        self.bodies = Bodies(vault)
        self.troubles = Troubles()
        self.words = Words()
        self.unverified = Unverified()
        self.allowance = Allowance()
        self.steady_clock = clock.SteadyClock()
        self.falls_announced = asyncio.Event()  # committed ones, whose deadline runs
        self.changes = 0  # of the registry, or of settings in force, seen since the start
        self.outbox_ready = asyncio.Event()  # rows were committed that nobody has claimed yet
        self.busy = 0  # batches and deliveries in progress; 0 = a run in virtual time may go on
        self.counters: Counter[str] = Counter()  # since the start, for health and metrics

    def count(self, name: str, by: int = 1) -> None:
        """Count something for health and metrics."""
        self.counters[name] += by

    async def changed_elsewhere(self) -> None:
        """Another program changed bands, people, cases or orders: look again, tell what is new."""
        self.changes += 1
        self.bands.forget()
        self.bodies.forget()
        await self.bands.warm()
        await self.resender.look_again()
