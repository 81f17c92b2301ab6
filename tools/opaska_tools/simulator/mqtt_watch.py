# SPDX-License-Identifier: Apache-2.0
"""What an MQTT connection still owes: requests that have passed a proxy and were not answered.
It reads fixed headers only; inside TLS it sees nothing and counts nothing."""

from __future__ import annotations

from collections.abc import Callable

_CONNECT = 1
_PUBLISH = 3
_FIRST_BYTES = {0x10, 0x20}  # CONNECT and CONNACK, whose flags are 0
_RESPONSES = {2, 4, 9, 11, 13}  # CONNACK, PUBACK, SUBACK, UNSUBACK, PINGRESP
_REQUESTS = {_CONNECT, 8, 10, 12}  # CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ


class _Packets:
    """Calls back for each packet of a byte stream: (type, QoS)."""

    def __init__(self, on_packet: Callable[[int, int], None]) -> None:
        self._on_packet = on_packet
        self._head = b""
        self._skip = 0
        self._started = False
        self._opaque = False

    def feed(self, data: bytes) -> None:
        while data and not self._opaque:
            if self._skip:
                skipped = min(self._skip, len(data))
                self._skip -= skipped
                data = data[skipped:]
                continue
            self._head += data[:1]
            data = data[1:]
            self._take_head()

    def _take_head(self) -> None:
        kind, qos = self._head[0] >> 4, self._head[0] >> 1 & 3
        if not self._started:
            self._started = True
            self._opaque = self._head[0] not in _FIRST_BYTES  # a TLS record
        elif len(self._head) > 5:
            self._opaque = True
        if not self._opaque and len(self._head) > 1 and self._head[-1] < 0x80:
            for place, byte in enumerate(self._head[1:]):
                self._skip |= (byte & 0x7F) << 7 * place
            self._head = b""
            self._on_packet(kind, qos)


class Debts:
    """Answers still to come on one connection, in either direction.

    A request counts when it leaves the proxy (`left`), its answer when it comes in (`came`):
    what a slow link holds back is a matter of time, and no debt.
    """

    def __init__(self) -> None:
        self._owed = [0, 0]  # [by the far end of direction 0, of direction 1]
        self._left = [_Packets(self._request(0)), _Packets(self._request(1))]
        self._came = [_Packets(self._response(0)), _Packets(self._response(1))]

    @property
    def count(self) -> int:
        return sum(self._owed)

    def left(self, direction: int, data: bytes) -> None:
        self._left[direction].feed(data)

    def came(self, direction: int, data: bytes) -> None:
        self._came[direction].feed(data)

    def _request(self, direction: int) -> Callable[[int, int], None]:
        def note(kind: int, qos: int) -> None:
            if kind in _REQUESTS or (kind == _PUBLISH and qos):
                self._owed[direction] += 1

        return note

    def _response(self, direction: int) -> Callable[[int, int], None]:
        def note(kind: int, qos: int) -> None:
            if kind in _RESPONSES and self._owed[1 - direction]:
                self._owed[1 - direction] -= 1

        return note
