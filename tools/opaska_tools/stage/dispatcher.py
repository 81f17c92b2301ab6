# SPDX-License-Identifier: Apache-2.0
"""A dispatcher beside a running gateway, by the rules behind `opaska cases take` and `close`."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from opaska_gateway import desk, settings_file
from opaska_gateway.context import Context
from opaska_gateway.errors import GatewayError
from opaska_gateway.store import open_store
from opaska_tools.stage.stored import open_case

if TYPE_CHECKING:
    from types import TracebackType

    from opaska_tools.stage.gateway import Gateway

_WHO = "stage"


class Dispatcher:
    """Takes and closes the case that a band's alarms are in; says what came of it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stack = AsyncExitStack()
        self._context: Context | None = None

    async def take(self, kid: str) -> str:
        return await self._do(kid, close=False)

    async def close(self, kid: str) -> str:
        return await self._do(kid, close=True)

    async def _do(self, kid: str, *, close: bool) -> str:
        assert self._context is not None
        case_id = open_case(self._gateway.database_file, kid)
        if case_id is None:
            return "There is no open case."
        try:
            if close:
                await desk.close(self._context, case_id, _WHO, "not_needed", "on the stage")
                return "The case is closed."
            await desk.take(self._context, case_id, _WHO)
        except GatewayError as error:
            return str(error)
        return "The case is taken."

    async def __aenter__(self) -> Self:
        settings = settings_file.load(self._gateway.config_file)
        store = await self._stack.enter_async_context(open_store(settings.storage))
        self._context = Context(store.database, store.vault)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
