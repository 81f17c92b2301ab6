# SPDX-License-Identifier: Apache-2.0
# Who this band is: what the bench wrote into NVS, namespace "opaska". Never in a file, never
# printed.

from opaska_protocol.reports import BENCH, SEALED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMESPACE = "opaska"
_LONGEST = 256  # bytes of the broker text


class Identity:
    __slots__ = ("apn", "brokers", "build", "generation", "key", "kid", "tls")

    def __init__(
        self,
        kid: bytes,
        generation: int,
        key: bytes,
        build: int,
        brokers: str,
        tls: bool,
        apn: str = "",
    ) -> None:
        self.kid = kid
        self.generation = generation
        self.key = key
        self.build = build  # BENCH (with REPL) or SEALED
        self.brokers = brokers  # "host:port", or two joined by ","
        self.tls = tls  # TLS-PSK
        self.apn = apn  # of the card; "": the network's own choice

    @property
    def kid_hex(self) -> str:
        return self.kid.hex()


def read(nvs: "Any") -> "Identity | None":
    """The identity, or None on a band that was not provisioned (or not completely)."""
    kid = _blob(nvs, "kid")
    key = _blob(nvs, "key")
    generation = _number(nvs, "gen", 0)
    if len(kid) != 8 or len(key) != 16 or not 0 < generation <= 0xFFFF:
        return None
    brokers, apn = _text(nvs, "broker"), _text(nvs, "apn")
    return Identity(
        kid, generation, key, read_build(nvs), brokers, _number(nvs, "tls", 0) == 1, apn
    )


def read_build(nvs: "Any") -> int:
    """A band is sealed only when the bench has said so."""
    return SEALED if _number(nvs, "build", BENCH) == SEALED else BENCH


def _blob(nvs: "Any", name: str) -> bytes:
    buffer = bytearray(_LONGEST)
    try:
        size = nvs.get_blob(name, buffer)
    except OSError:  # never written
        return b""
    return bytes(buffer[:size])


def _text(nvs: "Any", name: str) -> str:
    try:
        return str(_blob(nvs, name), "utf-8")
    except ValueError:  # UnicodeError: an SOS is still kept, and felt as "not sent"
        return ""


def _number(nvs: "Any", name: str, otherwise: int) -> int:
    try:
        return nvs.get_i32(name)
    except OSError:  # never written
        return otherwise
