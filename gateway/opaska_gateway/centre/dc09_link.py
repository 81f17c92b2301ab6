# SPDX-License-Identifier: Apache-2.0
"""Lines to a receiver: TCP, TLS or UDP. One frame at a time on each, asked in one write.

One at a time because receivers in use take whatever one read brings for one frame: two frames in
a segment are refused, and so is one frame in two segments.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, cast

from opaska_gateway.centre.dc09 import MAX_FRAME
from opaska_gateway.centre.errors import BusyError, FrameError, PathError

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_gateway.centre.settings import ReceiverSettings


class _Line(asyncio.Protocol, asyncio.DatagramProtocol):
    """One connection (or UDP port of ours) on which one question at a time is asked."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | asyncio.DatagramTransport | None = None
        self._send: Callable[[bytes], None] | None = None
        self._answer: asyncio.Future[bytes] | None = None  # None = nothing was asked
        self._received = bytearray()
        self.open = False
        self.idle_timer: asyncio.TimerHandle | None = None

    async def ask(self, make_frame: Callable[[], bytes]) -> bytes:
        """Send a frame and return the bytes of the answer. Any other end breaks the line."""
        if self._send is None or not self.open:
            raise PathError("it closed the connection")
        self._answer = asyncio.get_running_loop().create_future()
        try:
            self._send(make_frame())
            return await self._answer
        except BaseException:
            self.abort()
            raise
        finally:
            self._answer = None
            self._received.clear()

    def close(self) -> None:
        """End it in good order."""
        self.open = False
        if self.idle_timer is not None:
            self.idle_timer.cancel()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End it at once."""
        self.close()
        if self._transport is not None:
            self._transport.abort()

    # --- called by the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if hasattr(transport, "sendto"):
            self._transport = cast("asyncio.DatagramTransport", transport)
            self._send = self._transport.sendto
        else:
            self._transport = cast("asyncio.Transport", transport)
            self._send = self._transport.write
        self.open = True

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # nobody asked: what follows could be taken for a later answer
            return
        self._received += data
        end = self._received.find(b"\r") + 1
        if not self._received.startswith(b"\n"):
            self._answer.set_exception(FrameError("bad_envelope"))
        elif end:
            self._answer.set_result(bytes(self._received[:end]))
            if end < len(self._received):
                self.close()
        elif len(self._received) > MAX_FRAME:
            self._answer.set_exception(FrameError("too_long"))

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.data_received(data)

    def error_received(self, exc: Exception) -> None:
        self.connection_lost(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._answer is not None and not self._answer.done():
            reason = f"the connection broke ({exc})" if exc else "it closed the connection"
            self._answer.set_exception(PathError(f"{reason} before its answer was complete"))


class Link:
    """The lines to one receiver: at most `connections`, the idle ones kept a short while.

    A kept line saves the handshakes when signals come in numbers. It is kept for seconds only: one
    that died silently in a router would cost a lone SOS a whole time-out, a handshake shows it.
    One line is for alarms alone: they never queue behind a thousand bands that fell silent.
    """

    def __init__(self, settings: ReceiverSettings) -> None:
        self._settings = settings
        self._free = asyncio.Semaphore(settings.connections)
        self._ordinary = asyncio.Semaphore(max(1, settings.connections - 1))
        self._idle: list[_Line] = []
        self._tls = _tls_context(settings) if settings.tls else None

    async def exchange(self, make_frame: Callable[[], bytes], *, urgent: bool) -> bytes:
        """Ask once; the frame is made when its line is ready.

        Raises BusyError, PathError, or FrameError. Waits `timeout_s` for a line, and again for
        the answer.
        """
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    if not urgent:
                        await held.enter_async_context(self._ordinary)
                    await held.enter_async_context(self._free)
            except TimeoutError:
                raise BusyError("all connections are in use; raise connections") from None
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    return await self._ask_somewhere(make_frame)
            except TimeoutError:
                raise PathError(f"no answer within {self._settings.timeout_s:g} s") from None

    async def close(self) -> None:
        """Close what idles; lines in use end with their question."""
        while self._idle:
            self._idle.pop().abort()
        await asyncio.sleep(0)  # the loop now ends the transports

    async def _ask_somewhere(self, make_frame: Callable[[], bytes]) -> bytes:
        """Ask on a kept line, else on a new one."""
        while self._idle:
            line = self._idle.pop()
            if line.open:
                try:
                    return await self._ask(line, make_frame)
                except PathError:
                    break  # closed by the other side while it idled: ask again on a new one
        return await self._ask(await self._connect(), make_frame)

    async def _ask(self, line: _Line, make_frame: Callable[[], bytes]) -> bytes:
        if line.idle_timer is not None:
            line.idle_timer.cancel()
        answer = await line.ask(make_frame)
        if self._settings.keep_open_s > 0 and self._settings.transport == "tcp" and line.open:
            self._idle.append(line)
            loop = asyncio.get_running_loop()
            line.idle_timer = loop.call_later(self._settings.keep_open_s, self._drop, line)
        else:
            line.close()
        return answer

    def _drop(self, line: _Line) -> None:
        line.close()
        if line in self._idle:
            self._idle.remove(line)

    async def _connect(self) -> _Line:
        loop = asyncio.get_running_loop()
        host, port = self._settings.host, self._settings.port
        try:
            if self._settings.transport == "udp":
                _, line = await loop.create_datagram_endpoint(_Line, remote_addr=(host, port))
            else:
                _, line = await loop.create_connection(_Line, host, port, ssl=self._tls)
        except ssl.SSLError as error:
            raise PathError(f"TLS failed: {error.reason or error}") from error
        except (OSError, UnicodeError) as error:  # UnicodeError: no host can have this name
            reason = getattr(error, "strerror", None) or error
            raise PathError(f"{host}:{port} cannot be reached: {reason}") from error
        return line


def _tls_context(settings: ReceiverSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.tls_ca_file)
