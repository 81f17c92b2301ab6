# SPDX-License-Identifier: Apache-2.0
"""How the arguments of an order wait in the database: as CBOR; those that say where somebody lives
are sealed under the key file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opaska_protocol import cbor
from opaska_protocol.orders import ZONES

if TYPE_CHECKING:
    from opaska_gateway.vault import Vault

PERSONAL: Final = frozenset((ZONES,))


def kept(vault: Vault, kid: bytes, kind: int, arguments: dict[int, Any]) -> bytes:
    """What is written to the row."""
    plain = cbor.encode(arguments)
    return vault.wrap(_purpose(kid), plain) if kind in PERSONAL else plain


def opened(vault: Vault, kid: bytes, kind: int, kept: bytes) -> dict[int, Any]:
    """The arguments again; VaultError when they are not ours."""
    plain = vault.unwrap(_purpose(kid), kept) if kind in PERSONAL else kept
    arguments: dict[int, Any] = cbor.decode(plain)
    return arguments


def _purpose(kid: bytes) -> bytes:
    return b"band_order.arguments " + kid
