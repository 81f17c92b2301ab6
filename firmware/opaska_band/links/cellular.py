# SPDX-License-Identifier: Apache-2.0
"""The cellular link: modem, PPP, and TCP streams to a broker, with TLS-PSK when it is configured.

Two brokers take turns, one stream each: whatever was wrong with the last one, the next try goes
elsewhere. When all of them fail the data call is made anew, from the modem's start.
"""

import asyncio
import gc
import time

from micropython import const

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any

    Broker = tuple[str, int]  # host, port

_PPP_MS = const(20_000)  # LCP and IPCP after CONNECT
_OPEN_MS = const(15_000)  # TCP handshake, with two repeats of a lost SYN
_POLL_MS = const(100)
_TCP = const(6)  # IPPROTO_TCP
_NODELAY = const(1)  # TCP_NODELAY: an SOS must not wait for Nagle


def parse_brokers(text: str) -> "list[Broker]":
    """[(host, port), ...] of "host:port" or "host:port,host:port"."""
    brokers = []
    for part in text.split(","):
        host, colon, port = part.strip().rpartition(":")
        if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError('broker "%s": write host:port' % part)
        brokers.append((host, int(port)))
    return brokers


class Cellular:
    """`modem` is an EG915U; `tls_psk` is (identity, key) or None for plain TCP."""

    def __init__(
        self,
        modem: "Any",
        brokers: "list[Broker]",
        tls_psk: "tuple[str, bytes] | None" = None,
        apn: str = "",
    ) -> None:
        self.modem = modem
        self._brokers = brokers
        self._tls = None if tls_psk is None else _tls_context(tls_psk)
        self._apn = apn
        self._ppp: "Any" = None
        self._turn = -1  # index of the broker that was tried last
        self._failures = 0  # openings in a row that came to nothing

    @property
    def attached(self) -> bool:
        return self._ppp is not None and self._ppp.isconnected() and self.modem.has_line

    @property
    def signal_dbm(self) -> "int | None":
        """As of the last attach; None when unknown."""
        return self.modem.signal_dbm

    async def attach(self) -> None:
        """Bring PPP up; OSError when modem or network do not.

        After silence the next try is over the other kind of port: shared, or PPP's alone.
        """
        try:
            await self._attach()
        except self.modem.Silent:
            self.modem.shares = not self.modem.shares
            raise
        except OSError:
            await self.modem.rest()  # it searches on by itself
            raise

    async def _attach(self) -> None:
        import network

        if self._ppp is not None:
            self._ppp.disconnect()
        await self.modem.start()
        await self.modem.attach(self._apn)
        await self.modem.dial()
        self._ppp = network.PPP(self.modem.uart)
        self._ppp.connect()
        begin = time.ticks_ms()
        while not self._ppp.isconnected():
            if time.ticks_diff(time.ticks_ms(), begin) > _PPP_MS:
                raise self.modem.Silent("PPP does not come up")
            await asyncio.sleep_ms(_POLL_MS)
        await self.modem.rest()

    async def open_stream(self) -> "tuple[Any, Any]":
        """(reader, writer) to the broker whose turn it is; attaches first when needed."""
        if not self.attached or self._failures > len(self._brokers):
            self._failures = 0
            await self.attach()
        self._turn = (self._turn + 1) % len(self._brokers)
        host, port = self._brokers[self._turn]
        self._failures += 1  # until it is open
        try:
            opening: "Any" = asyncio.open_connection(host, port)
            stream, _ = await asyncio.wait_for_ms(opening, _OPEN_MS)
        except BaseException:
            gc.collect()  # closes the socket that asyncio has left behind; there are few of them
            raise
        stream.s.setsockopt(_TCP, _NODELAY, 1)
        if self._tls:  # the handshake itself happens with the first write
            sock = self._tls.wrap_socket(
                stream.s, server_hostname=host, do_handshake_on_connect=False
            )
            sock.setblocking(False)
            stream = asyncio.StreamReader(sock)
        self._failures = 0
        return stream, stream


def _tls_context(tls_psk: "tuple[str, bytes]") -> "Any":
    """No certificates at all: verification stays on, so only the shared key can pass."""
    import tls  # the module `ssl` would keep these attributes to itself

    context: "Any" = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.psk_identity, context.psk_key = tls_psk
    return context
