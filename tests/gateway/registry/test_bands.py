# SPDX-License-Identifier: Apache-2.0
"""A band's key leaves once, is never kept in clear, and counts no more after a revocation."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from opaska_gateway.database.tables import audit, device, device_key
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import assignments, bands, people
from opaska_gateway.settings import StorageSettings
from opaska_gateway.store import Store
from opaska_gateway.vault import band_key_purpose
from opaska_protocol.seal import derive_psk
from tests.gateway.registry.conftest import NewChange


async def test_the_bundle_holds_what_the_vault_keeps(store: Store, changing: NewChange) -> None:
    async with changing() as now:
        bundle = await bands.add(now)
    async with store.database.read() as connection:
        row = (
            await connection.execute(select(device, device_key).join_from(device, device_key))
        ).one()
    assert bundle.kid == row.kid.hex()
    assert bundle.tls_identity == bundle.kid
    assert bundle.generation == row.generation == 1
    key = store.vault.unwrap(band_key_purpose(row.kid, 1), row.wrapped)
    assert key.hex() == bundle.key
    assert len(key) == 16


async def test_a_key_never_lies_in_clear_on_the_disk(
    storage: StorageSettings, changing: NewChange
) -> None:
    async with changing() as now:
        bundle = await bands.add(now)
    key = bytes.fromhex(bundle.key)
    for path in storage.database_file.parent.iterdir():
        data = path.read_bytes()
        assert key not in data, path
        assert bundle.key.encode() not in data, path
    assert bundle.key not in repr(bundle)


async def test_no_two_bands_share_identity_or_key(changing: NewChange) -> None:
    async with changing() as now:
        bundles = [await bands.add(now) for _ in range(50)]
    assert len({bundle.kid for bundle in bundles}) == 50
    assert len({bundle.key for bundle in bundles}) == 50
    assert [bundle.label for bundle in bundles] == [str(number) for number in range(1, 51)]


async def test_a_label_is_given_once(changing: NewChange) -> None:
    async with changing() as now:
        await bands.add(now, "2")
        assert (await bands.add(now)).label == "3"  # two bands: the next free number from 2 on
        with pytest.raises(Refused, match="there is a band 2 already"):
            await bands.add(now, "2")
        with pytest.raises(Refused, match="a label needs characters"):
            await bands.add(now, " ")


async def test_a_refused_change_leaves_nothing(store: Store, changing: NewChange) -> None:
    async def add_two() -> None:
        async with changing() as now:
            await bands.add(now, "7")
            await bands.add(now, "7")

    with pytest.raises(Refused):
        await add_two()
    async with store.database.read() as connection:
        assert await bands.list_all(connection) == []


async def test_a_revoked_band_is_off_its_wearer_and_out_of_the_brokers_keys(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        kept, lost = await bands.add(now), await bands.add(now)
        person = await people.add(now, {"name": "Maria"})
        await assignments.assign(now, person.hex(), lost.kid, "1409")
    async with changing() as now:
        assert await bands.revoke(now, lost.kid, "lost") == lost.kid
    async with store.database.read() as connection:
        rows = {row["kid"].hex(): row for row in await bands.list_all(connection)}
        keys = await bands.psk_by_kid(connection, store.vault)
    assert rows[lost.kid]["revoked_ms"] is not None
    assert rows[lost.kid]["person_id"] is None
    assert keys == {kept.kid: derive_psk(bytes.fromhex(kept.key))}
    async with changing() as now:
        with pytest.raises(Refused, match="revoked already"):
            await bands.revoke(now, lost.kid, "lost")
        with pytest.raises(Refused, match="is revoked; take another one"):
            await assignments.assign(now, person.hex(), lost.kid, "1409")


async def test_a_damaged_key_keeps_its_own_band_out_and_no_other(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        kept, damaged = await bands.add(now), await bands.add(now)
    async with changing() as now:
        await bands.rekey(now, damaged.kid)
        await now.connection.execute(
            update(device_key).where(device_key.c.generation == 2).values(wrapped=b"damaged")
        )
    async with store.database.read() as connection:
        psk = await bands.psk_by_kid(connection, store.vault)
    assert psk == {kept.kid: derive_psk(bytes.fromhex(kept.key))}


async def test_a_new_key_is_for_the_next_connection_and_the_old_one_stays_for_what_it_sealed(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        first = await bands.add(now, "7")
    async with changing() as now:
        second = await bands.rekey(now, "7")
    assert (second.kid, second.label, second.generation) == (first.kid, "7", 2)
    assert second.tls_identity == first.tls_identity
    assert second.key != first.key
    async with store.database.read() as connection:
        psk = await bands.psk_by_kid(connection, store.vault)
        rows = (
            await connection.execute(select(device_key).order_by(device_key.c.generation))
        ).all()
        lines = (await connection.execute(select(audit).order_by(audit.c.id))).all()
    assert psk == {first.kid: derive_psk(bytes.fromhex(second.key))}
    assert [row.to_ms for row in rows] == [None, None]
    kept = [
        store.vault.unwrap(band_key_purpose(bytes.fromhex(first.kid), row.generation), row.wrapped)
        for row in rows
    ]
    assert [key.hex() for key in kept] == [first.key, second.key]
    assert [(line.who, line.what, line.from_value, line.to_value) for line in lines][-1] == (
        "os:tester",
        "band_rekeyed",
        "generation 1",
        "generation 2",
    )
    assert second.key not in repr(lines)


async def test_a_band_that_could_not_be_heard_afterwards_gets_no_new_key(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        for label in ("worn", "revoked", "last"):
            await bands.add(now, label)
        person = await people.add(now, {"name": "Maria"})
        await assignments.assign(now, person.hex(), "worn", "1409")
        await bands.revoke(now, "revoked", "lost")
        last = select(device.c.id).where(device.c.label == "last").scalar_subquery()
        await now.connection.execute(
            device_key.update().where(device_key.c.device_id == last).values(generation=65_535)
        )
    for label, advice in (
        ("worn", "opaska people unassign worn"),
        ("revoked", "opaska bands add"),
        ("last", "take another band"),
    ):
        with pytest.raises(Refused, match=advice):
            async with changing() as now:
                await bands.rekey(now, label)
    async with store.database.read() as connection:
        assert len((await connection.execute(select(device_key))).all()) == 3
    async with changing() as now:
        await assignments.unassign(now, "worn")
        assert (await bands.rekey(now, "worn")).generation == 2


async def test_a_band_is_found_by_label_kid_or_the_beginning_of_its_kid(
    changing: NewChange,
) -> None:
    async with changing() as now:
        first, second = await bands.add(now, "17"), await bands.add(now)
        assert await bands.revoke(now, "17", "w") == first.kid
        assert await bands.revoke(now, second.kid[:10].upper(), "w") == second.kid


# what fits nothing, or too much, never reaches SQL as anything but a value
@pytest.mark.parametrize("text", ["", "1", "abc", "zzzz", "%", "' OR 1=1 --", "f" * 17, "żółć"])
async def test_what_fits_no_band_is_not_found(changing: NewChange, text: str) -> None:
    async with changing() as now:
        await bands.add(now, "seventeen")
        with pytest.raises(NotFound, match="see `opaska bands list`"):
            await bands.revoke(now, text, "w")


async def test_a_beginning_that_fits_two_bands_is_refused(changing: NewChange) -> None:
    async with changing() as now:
        first = bytes.fromhex((await bands.add(now)).kid)
        twin = await bands.add(now)
        alike = first[:6] + bytes(2)
        if alike == first:
            alike = first[:6] + b"\1\1"
        await now.connection.execute(
            device.update().where(device.c.kid == bytes.fromhex(twin.kid)).values(kid=alike)
        )
        with pytest.raises(Refused, match="fits more than one"):
            await bands.revoke(now, first.hex()[:12], "w")
