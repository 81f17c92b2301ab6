# SPDX-License-Identifier: Apache-2.0
"""The running gateway answers whoever connects to its socket: one JSON value, and hangs up."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from opaska_gateway.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from opaska_gateway.health.told import Told

log = get_logger()


@asynccontextmanager
async def answering(file: Path, tell: Callable[[], Told]) -> AsyncGenerator[None]:
    """Answer within. A socket that cannot be made costs the answers, never the gateway."""
    server = None
    try:
        made = _listener(file)
        server = await asyncio.start_unix_server(partial(_answer, tell), sock=made)
    except OSError as error:
        advice = "opaska status will say that no gateway runs; correct it, and start again"
        log.warning("cannot_be_asked", file=str(file), problem=str(error), advice=advice)
    try:
        yield
    finally:
        if server is not None:
            server.close()
            _forget(file)


def _listener(file: Path) -> socket.socket:
    """A new socket; the one of a gateway that was killed goes, since we hold the database."""
    if file.is_socket():  # any other file is not ours
        file.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(file))
        file.chmod(0o600)  # before anybody can connect
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def _forget(file: Path) -> None:
    with suppress(OSError):  # it would be found without a listener
        file.unlink(missing_ok=True)


async def _answer(
    tell: Callable[[], Told], _: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        writer.write(tell().model_dump_json().encode())
        writer.close()
        await writer.wait_closed()
    except OSError:  # whoever asked has gone
        pass
    except Exception as error:  # at the edge of the task
        log.error("not_answered", exc_info=error)
        writer.close()
