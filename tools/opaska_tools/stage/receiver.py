# SPDX-License-Identifier: Apache-2.0
"""A monitoring centre's receiver that we did not write: pysiaalarm, as in Home Assistant."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

from pysiaalarm.account import SIAAccount
from pysiaalarm.aio.client import SIAClient, SIAClientTCP
from pysiaalarm.event import SIAEvent

from opaska_tools.stage.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType


@dataclass(frozen=True, slots=True)
class Received:
    """One line of the receiver's own log."""

    account: str
    code: str
    at_s: float  # time.monotonic()


class Receiver:
    """Listens on 127.0.0.1 for encrypted SIA DC-09; `log` holds what it acknowledged."""

    def __init__(
        self,
        accounts: list[str],
        port: int = 0,
        settings: Mapping[str, int | float | str] | None = None,
    ) -> None:
        self.settings = settings or {}  # more keys of the gateway's table for it
        # pysiaalarm takes the characters of a key as its bytes
        self._key_text = secrets.token_hex(8)
        self.key_hex = self._key_text.encode().hex()
        self.port = port or free_port()
        self.log: list[Received] = []
        self.on_received: Callable[[Received], None] | None = None  # for a live display
        self._news = asyncio.Event()
        listen = cast("type[SIAClientTCP]", SIAClient)  # it chooses TCP by itself
        self._client = listen(
            "127.0.0.1",
            self.port,
            [SIAAccount(account, self._key_text) for account in accounts],
            self._note,
        )

    async def _note(self, event: SIAEvent) -> None:
        if event.code not in (None, "RP", "NULL"):  # line tests are no alarms
            line = Received(str(event.account), str(event.code), time.monotonic())
            self.log.append(line)
            self._news.set()
            if self.on_received is not None:
                self.on_received(line)

    def rang(self, code: str) -> list[str]:
        """The accounts of the lines with this code, in their order.

        Other lines may stand between them: on a machine that stood still for seconds a band's
        chips have lost samples, which is a fault.
        """
        return [line.account for line in self.log if line.code == code]

    async def wait_for(
        self, account: str, code: str, timeout_s: float, after: int = 0
    ) -> Received:
        """The first such line of `account` after the first `after` lines; TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while True:
                self._news.clear()
                for line in self.log[after:]:
                    if (line.account, line.code) == (account, code):
                        return line
                await self._news.wait()

    async def __aenter__(self) -> Self:
        await self._client.async_start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.async_stop()
