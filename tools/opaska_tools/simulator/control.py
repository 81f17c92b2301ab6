# SPDX-License-Identifier: Apache-2.0
"""The bench end of a board's control line: one JSON value a line, both ways."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_LINE = 64 * 1024  # a board never writes so much without a line end


class ControlLine(asyncio.Protocol):
    """One connection from a board; what it says goes on at once, in order."""

    def __init__(
        self,
        on_event: Callable[[dict[str, Any]], None],
        on_report: Callable[[int, int], None],
        on_open: Callable[[ControlLine], None],
    ) -> None:
        self._on_event = on_event
        self._on_report = on_report
        self._on_open = on_open
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._on_open(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MAX_LINE:
            self.close()
        for line in lines:
            message: Any = json.loads(line)
            if isinstance(message, dict):
                self._on_event(cast("dict[str, Any]", message))
            else:
                self._on_report(*message)

    def send(self, message: object) -> None:
        """Give the board a command; lost when the board is gone."""
        if self._transport is not None:
            self._transport.write(json.dumps(message).encode() + b"\n")

    def tell_time(self, now_ms: int, token: int) -> None:
        if self._transport is not None:
            self._transport.write(b"[%d,%d]\n" % (now_ms, token))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
