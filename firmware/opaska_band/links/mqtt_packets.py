# SPDX-License-Identifier: Apache-2.0
"""The bytes of MQTT 3.1.1, as far as a band speaks it. OASIS MQTT 3.1.1, sections 2 and 3."""

from micropython import const

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_MAX_PACKET = const(2_048)  # bytes; what the gateway's broker is told too. More is never allocated

_CONNECT = const(0x10)
_PUBLISH_QOS1 = const(0x32)
_DUP = const(0x08)
_PUBACK = const(0x40)
_SUBSCRIBE = const(0x82)


class MqttError(Exception):
    """The broker broke the protocol, refused us or fell silent."""


def connect(
    client_id: str,
    username: "str | None",
    password: "str | bytes | None",
    will: "tuple[str, bytes] | None",
    keepalive_s: int,
) -> bytearray:
    flags = 0  # the broker keeps our session
    body = bytearray(b"\x00\x04MQTT\x04\x00\x00\x00")  # protocol, level 4, flags, keepalive
    body[8:10] = keepalive_s.to_bytes(2, "big")
    parts: "list[str | bytes]" = [client_id]
    if will:
        flags |= 0x0C  # at QoS 1, not retained
        parts += will
    if username is not None:
        flags |= 0x80
        parts.append(username)
    if password is not None:
        flags |= 0x40
        parts.append(password)
    body[7] = flags
    for part in parts:
        _append_field(body, part)
    return _head(_CONNECT, len(body)) + body


def subscribe(id_: int, topics: "Sequence[str]") -> bytearray:
    """To all topics, at QoS 1."""
    body = bytearray(id_.to_bytes(2, "big"))
    for topic in topics:
        _append_field(body, topic)
        body.append(1)
    return _head(_SUBSCRIBE, len(body)) + body


def publish(id_: int, topic: bytes, data: bytes, again: bool) -> bytearray:
    """At QoS 1; `again` tells the broker that it may have this already."""
    out = _head(_PUBLISH_QOS1 | (_DUP if again else 0), 4 + len(topic) + len(data))
    _append_field(out, topic)
    out += id_.to_bytes(2, "big")
    out += data
    return out


def puback(id_: int) -> bytes:
    return bytes((_PUBACK, 2, id_ >> 8, id_ & 0xFF))


def parse_publish(kind: int, body: bytes) -> "tuple[bytes, bytes, int]":
    """(topic, data, id) of a received message; id 0 wants no PUBACK."""
    start = 2 + number(body, 0)
    qos = kind >> 1 & 3
    if qos > 1 or start > len(body):
        raise MqttError("bad PUBLISH")
    id_ = number(body, start) if qos else 0
    return body[2:start], body[start + 2 * qos :], id_


def number(body: bytes, at: int) -> int:
    """The two bytes at `at`."""
    if len(body) < at + 2:
        raise MqttError("packet too short")
    return body[at] << 8 | body[at + 1]


async def receive(reader: "Any") -> "tuple[int, bytes]":
    """(first byte, body) of the next packet."""
    kind = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 0x7F) << shift
        if size > _MAX_PACKET or shift > 21:
            raise MqttError("packet too long")
        if byte < 0x80:
            break
        shift += 7
    return kind, await reader.readexactly(size)


def _append_field(out: bytearray, value: "str | bytes") -> None:
    value = value.encode() if isinstance(value, str) else value
    out += len(value).to_bytes(2, "big")
    out += value


def _head(kind: int, size: int) -> bytearray:
    head = bytearray((kind,))
    while size > 0x7F:
        head.append(0x80 | (size & 0x7F))
        size >>= 7
    head.append(size)
    return head
