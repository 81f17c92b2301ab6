# SPDX-License-Identifier: Apache-2.0
"""Free TCP ports on 127.0.0.1, and waiting until somebody listens."""

from __future__ import annotations

import asyncio
import socket


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def listening(port: int, timeout_s: float = 30.0) -> None:
    """Return when 127.0.0.1:port takes connections; TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
