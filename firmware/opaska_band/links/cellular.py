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
    from collections.abc import Callable
    from typing import Any

    Broker = tuple[str, int]  # host, port

_PPP_MS = const(20_000)  # LCP and IPCP after CONNECT
_NAME_MS = const(15_000)  # lwIP asks two name servers for 7 s each
_OPEN_MS = const(15_000)  # TCP handshake, with two repeats of a lost SYN
_POLL_MS = const(100)
_IN_VAIN_MS = const(21_600_000)  # without any connection: then the modem begins from scratch,
_IN_VAIN_AWAITED_MS = const(600_000)  # in each place without a network, too: 90 s of searching
_MOST_SILENCES = const(2)  # one is a slow word, two the kind of port
_TRUST = const(2)  # how often sharing gets another chance, as long as it has not worked again
_CARD_AGAIN_MS = const(300_000)  # a look takes half a minute, in which nothing sleeps
_LONGEST_APN = const(63)  # by TS 23.003 100 with an operator's part, which no card needs
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


def parse_apn(text: str) -> str:
    """The name of an access point, TS 23.003 9.1; "" is the network's own choice."""
    allowed = "abcdefghijklmnopqrstuvwxyz0123456789-."
    if len(text) > _LONGEST_APN or not all([letter in allowed for letter in text.lower()]):
        raise ValueError('APN "%s": letters, digits, - and . only' % text)
    return text


class Cellular:
    """`modem` is an EG915U, `trial` a LineTrial; `tls_psk` is (identity, key), None: plain TCP."""

    def __init__(
        self,
        modem: "Any",
        trial: "Any",
        brokers: "list[Broker]",
        tls_psk: "tuple[str, bytes] | None" = None,
        apn: str = "",
    ) -> None:
        self.modem = modem
        self.trial = trial
        modem.shares = not trial.is_lost
        self.is_awaited: "Callable[[], bool] | None" = None  # whether an SOS waits for a link
        self.on_trouble: "Callable[[str], object] | None" = None  # told when the card breaks
        self._brokers = brokers
        self._tls = None if tls_psk is None else _tls_context(tls_psk)
        self._apn = apn
        self._ppp: "Any" = None
        self._addresses: "dict[str, str]" = {}  # by name, as of the last answer
        self._turn = -1  # index of the broker that was tried last
        self._failures = 0  # openings in a row that came to nothing
        self._silences = 0  # attaches that it did not answer, since PPP was up
        self._trust = _TRUST
        self._failed_at: "Any" = None  # ticks of the first attach since one of them did not

    @property
    def attached(self) -> bool:
        return self._ppp is not None and self._ppp.isconnected() and self.modem.has_line

    @property
    def signal_dbm(self) -> "int | None":
        """As of the last attach; None when unknown."""
        return self.modem.signal_dbm

    async def attach(self) -> None:
        """Bring PPP up; OSError when modem or network do not.

        When twice PPP does not come up, or the modem is silent, the next try is over the other
        kind of port: shared, or PPP's alone, which is not for ever, since nothing can be asked
        then and nobody sleeps. Unless it is awaited, a modem that finds no network is only asked
        whether it has one again, and a card in trouble is left alone for some minutes.
        """
        is_awaited = bool(self.is_awaited and self.is_awaited())
        trouble = self.modem.trouble
        anew = self._is_in_vain(is_awaited)
        if not (is_awaited or anew):
            if trouble:
                raise OSError("card: " + trouble)
            if await self.modem.is_lost():
                raise OSError("no network")
        try:
            await self._attach(anew)
        except OSError as error:
            self._silences += isinstance(error, self.modem.Silent)
            if self._silences >= _MOST_SILENCES:
                self._silences = 0
                self.modem.shares = not (self.modem.shares or self.trial.is_lost)
            if self.on_trouble and self.modem.trouble not in ("", trouble):
                self.on_trouble(self.modem.trouble)
            await self.modem.rest(is_left=True)  # it searches on by itself
            raise

    def _is_in_vain(self, is_awaited: bool) -> bool:
        """Whether nothing was opened for so long that the modem itself may be at fault."""
        now = time.ticks_ms()
        if self._failed_at is None:
            self._failed_at = now
        limit_ms = _IN_VAIN_AWAITED_MS if is_awaited else _IN_VAIN_MS
        if self.modem.trouble:  # which a new start alone ends
            limit_ms = 0 if is_awaited else _CARD_AGAIN_MS
        is_in_vain = not 0 <= time.ticks_diff(now, self._failed_at) < limit_ms
        if is_in_vain:
            self._failed_at = now
        return is_in_vain

    async def _attach(self, anew: bool) -> None:
        import network

        if self._ppp is not None:
            self._ppp.disconnect()
            self._ppp.config(stream=None)  # it says so again after 6 s, which would end our call
        await self.modem.start(anew)
        await self.modem.attach(self._apn)
        await self.modem.dial()
        if self.modem.can_talk:
            self.trial.begin()
        self._ppp = network.PPP(self.modem.uart)
        self._ppp.connect()
        begin = time.ticks_ms()
        while not self.attached:
            is_late = time.ticks_diff(time.ticks_ms(), begin) > _PPP_MS
            if is_late or not self.modem.has_line:
                self._silences += 1
                raise OSError("PPP does not come up")
            await asyncio.sleep_ms(_POLL_MS)
        self._silences = 0
        if self.modem.can_talk:
            self._trust = _TRUST
        elif self._trust and not self.trial.is_lost:
            self._trust -= 1
            self.modem.shares = True  # next time
        await self.modem.rest()

    async def open_stream(self) -> "tuple[Any, Any]":
        """(reader, writer) to the broker whose turn it is; attaches first when needed."""
        if not self._brokers:
            raise OSError("no broker")
        is_worn_out = not self.attached or self._failures > len(self._brokers)
        if is_worn_out or not await self.modem.is_alive():
            self._failures = 0
            await self.attach()
        self._turn = (self._turn + 1) % len(self._brokers)
        host, port = self._brokers[self._turn]
        self._failures += 1  # until it is open
        try:
            opening: "Any" = asyncio.open_connection(await self._address(host), port)
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
        self._failures, self._failed_at = 0, None
        return stream, stream

    async def _address(self, host: str) -> str:
        """Of a name; as it was, when nobody tells it now: whoever answers there must know our key.

        Asked in a thread of its own: the answer comes over PPP, which MicroPython serves between
        the steps of this one, so that here it would be waited for in vain.
        """
        if host.replace(".", "").isdigit():
            return host
        import socket

        found: "list[str]" = []
        thread: "Any" = __import__("_thread")
        thread.start_new_thread(_ask, (socket, host, found))
        begin = time.ticks_ms()
        while not found and time.ticks_diff(time.ticks_ms(), begin) < _NAME_MS:
            await asyncio.sleep_ms(_POLL_MS)
        if found and found[0]:
            self._addresses[host] = found[0]
        if host not in self._addresses:
            raise OSError("nobody knows the broker " + host)
        return self._addresses[host]


def _ask(socket: "Any", host: str, found: "list[str]") -> None:
    """Append the address of `host`; "": there is none."""
    try:
        found.append(socket.getaddrinfo(host, 0, 0, socket.SOCK_STREAM)[0][-1][0])
    except Exception:  # of a thread nobody hears it
        found.append("")


def _tls_context(tls_psk: "tuple[str, bytes]") -> "Any":
    """No certificates at all: verification stays on, so only the shared key can pass."""
    import tls  # the module `ssl` would keep these attributes to itself

    context: "Any" = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.psk_identity, context.psk_key = tls_psk
    return context
