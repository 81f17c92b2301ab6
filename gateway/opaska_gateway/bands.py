# SPDX-License-Identifier: Apache-2.0
"""The bands that speak: their keys, channels and wearers, kept while they are in use."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from opaska_gateway.database.bands import load_bands, newest_kids
from opaska_gateway.refusals import Refused
from opaska_gateway.vault import VaultError, band_key_purpose
from opaska_protocol.channel import GatewayChannel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opaska_gateway.care.wearing import Assignment
    from opaska_gateway.database.bands import BandRow, KeyRow
    from opaska_gateway.database.engine import Database
    from opaska_gateway.vault import Vault

AT_ONCE = 200  # bands: others have their turn after some 10 ms
MAX_BANDS = 5_000  # about 5 kB each with its ciphers; one that falls out is loaded again


class Band:
    """One registered band as the pipeline needs it."""

    __slots__ = (
        "_channels",
        "_keys",
        "_salt",
        "_vault",
        "assignments",
        "created_ms",
        "device_id",
        "kid",
        "kid_hex",
        "organisation_id",
        "revoked",
    )

    def __init__(self, row: BandRow, vault: Vault, gateway_salt: bytes) -> None:
        self.device_id = row.device_id
        self.kid = row.kid
        self.kid_hex = row.kid.hex()
        self.organisation_id = row.organisation_id
        self.created_ms = row.created_ms
        self.revoked = row.revoked
        self.assignments: tuple[Assignment, ...] = row.assignments
        self._keys: dict[int, KeyRow] = row.keys
        self._vault = vault
        self._salt = gateway_salt
        self._channels: dict[int, GatewayChannel] = {}

    @property
    def generation(self) -> int:
        """The newest key generation."""
        return max(self._keys, default=0)

    def not_before_ms(self, generation: int) -> int:
        """Nothing that is reported under this key happened before there was one: whoever has the
        band cannot report into the time of an earlier wearer."""
        key = self._keys.get(generation)
        return self.created_ms if key is None else max(self.created_ms, key.from_ms)

    def channel(self, generation: int, now_ms: int) -> GatewayChannel:
        """The channel of this key generation, or Refused."""
        key = self._keys.get(generation)
        if key is None:
            raise Refused("unknown_generation")
        if key.to_ms is not None and key.to_ms <= now_ms:
            raise Refused("expired_key")
        channel = self._channels.get(generation)
        if channel is None:
            try:
                k_gen = self._vault.unwrap(band_key_purpose(self.kid, generation), key.wrapped)
            except VaultError:
                raise Refused("unusable_key") from None
            channel = GatewayChannel(self.kid, generation, k_gen, self._salt)
            self._channels[generation] = channel
        return channel


class Bands:
    """Registered bands by kid, loaded before they speak, the least recent forgotten first."""

    def __init__(self, database: Database, vault: Vault, gateway_salt: bytes) -> None:
        self._database = database
        self._vault = vault
        self._salt = gateway_salt
        self._kept: OrderedDict[bytes, Band] = OrderedDict()  # replaced when it is forgotten

    async def fetch(self, kids: Iterable[bytes]) -> dict[bytes, Band]:
        """Those of `kids` that are registered."""
        found: dict[bytes, Band] = {}
        missing: list[bytes] = []
        for kid in kids:
            band = self._kept.get(kid)
            if band is None:
                missing.append(kid)
            else:
                self._kept.move_to_end(kid)
                found[kid] = band
        if missing:
            found.update(await self._load(missing))
        return found

    async def warm(self) -> None:
        """Load those that may speak next: one by one, each costs as much as ten reports."""
        kept = self._kept
        async with self._database.read() as connection:
            kids = await connection.run_sync(newest_kids, MAX_BANDS)
        for start in range(0, len(kids), AT_ONCE):
            await self._load([kid for kid in kids[start : start + AT_ONCE] if kid not in kept])

    def forget(self) -> None:
        """Something was changed in the registry: look again, also where that is under way."""
        self._kept = OrderedDict()

    async def _load(self, kids: list[bytes]) -> dict[bytes, Band]:
        kept = self._kept
        async with self._database.read() as connection:
            rows = await connection.run_sync(load_bands, kids)
        loaded = {row.kid: Band(row, self._vault, self._salt) for row in rows}
        kept.update(loaded)
        while len(kept) > MAX_BANDS:
            kept.popitem(last=False)
        return loaded
