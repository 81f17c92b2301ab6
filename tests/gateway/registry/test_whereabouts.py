# SPDX-License-Identifier: Apache-2.0
"""registry/whereabouts.py: zones as a human writes them; nothing that a band would refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_gateway import order_arguments
from opaska_gateway.errors import Refused
from opaska_gateway.registry.whereabouts import parse_zone
from opaska_gateway.vault import Vault, VaultError
from opaska_protocol.orders import LOCATE, ZONES

if TYPE_CHECKING:
    from pathlib import Path

KID, OTHER = b"12345678", b"87654321"
HOME = {1: [522_242_700, 210_123_000, 300]}


def test_a_zone_is_degrees_and_metres() -> None:
    assert parse_zone("1=52.22427,21.0123,300") == (1, HOME[1])
    assert parse_zone("3=-16.8,-179.5,50000") == (3, [-168_000_000, -1_795_000_000, 50_000])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("home=52,21,300", "NUMBER=LATITUDE"),
        ("4=52,21,300", "1 to 3"),
        ("0=52,21,300", "1 to 3"),
        ("1=91,21,300", "latitude"),
        ("1=52,181,300", "longitude"),
        ("1=52,21,49", "50 to 50000"),
        ("1=52,21,50001", "50 to 50000"),
        ("1=52;21;300", "such as"),
        ("1=52,21,", "such as"),
        ("1=nan,21,300", "such as"),
    ],
)
def test_what_is_no_zone_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        parse_zone(text)


def test_where_somebody_lives_waits_sealed_and_opens_for_its_band_alone(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault.key")
    kept = order_arguments.kept(vault, KID, ZONES, HOME)
    assert order_arguments.opened(vault, KID, ZONES, kept) == HOME
    with pytest.raises(VaultError):
        order_arguments.opened(vault, OTHER, ZONES, kept)
    assert (
        order_arguments.opened(vault, KID, LOCATE, order_arguments.kept(vault, KID, LOCATE, {}))
        == {}
    )
