# SPDX-License-Identifier: Apache-2.0
"""Profiles: every kind has its codes in both languages, and two receivers' tables know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pysiaalarm.data.adm_mapping import ADM_MAPPING
from pysiaalarm.data.sia_codes import SIA_CODES
from siadc09 import dc03, dc05

from opaska_gateway.care.alarm_kinds import FAULT_KINDS, OTHER_FAULT
from opaska_gateway.centre.profiles import ProfileError, codes_of, load_profiles

if TYPE_CHECKING:
    from pathlib import Path

PROFILES = load_profiles()
ROWS = [(name, kind) for name, profile in PROFILES.items() for kind in profile]
KINDS_OF_THE_GATEWAY = ("sos", "fall", "possible_fall", "strap", "fault", "band_silent", "test")


@pytest.mark.parametrize(("name", "kind"), ROWS, ids=["-".join(row) for row in ROWS])
def test_every_code_is_in_the_published_tables(name: str, kind: str) -> None:
    codes = PROFILES[name][kind]
    dc03_events: dict[str, Any] = dc03.EVENT
    for code in codes.contact_id:
        assert code in dc05.EVENT
    for code in (*codes.sia_codes(restore=False), *codes.sia_codes(restore=True)):
        assert code in dc03_events
        assert code in SIA_CODES


def test_the_basic_profile_has_only_codes_that_old_receivers_know() -> None:
    for codes in PROFILES["basic"].values():
        for code in codes.contact_id:
            assert {"1", "3"} <= ADM_MAPPING[code].keys()


@pytest.mark.parametrize("name", PROFILES)
def test_kinds_stay_apart_by_code_or_zone(name: str) -> None:
    profile = PROFILES[name]
    assert set(KINDS_OF_THE_GATEWAY) <= profile.keys()
    alarms = (
        *("sos", "fall", "possible_fall", "fall_no_movement", "heart_rate", "oxygen"),
        *("no_activity", "strap", "strap_cut", "zone_left", "other"),
    )
    for first in (
        [(profile[kind].contact_id[0], profile[kind].zone) for kind in alarms],
        [(profile[kind].sia[0], profile[kind].zone) for kind in alarms],
    ):
        assert len(set(first)) == len(alarms)


def test_a_fall_has_its_own_code_where_the_receiver_knows_it() -> None:
    assert PROFILES["dc05-2016"]["fall"].contact_id == ("103", "101")
    assert (PROFILES["basic"]["fall"].contact_id[0], PROFILES["basic"]["fall"].zone) == ("101", 2)


def test_a_table_without_a_row_for_stillness_says_that_it_is_a_fall() -> None:
    profile = {kind: codes for kind, codes in PROFILES["basic"].items() if kind != "sos"}
    assert codes_of(profile, "fall_no_movement") == profile["fall_no_movement"]
    del profile["fall_no_movement"]
    assert codes_of(profile, "fall_no_movement") == profile["fall"]
    del profile["fall"]
    assert codes_of(profile, "fall_no_movement") == profile["other"]


@pytest.mark.parametrize("name", PROFILES)
def test_no_fault_of_a_band_rings_like_an_alarm(name: str) -> None:
    """Which faults a centre hears is the table's choice; that they are no alarms is not."""
    faults = {kind: codes for kind, codes in PROFILES[name].items() if kind.startswith("fault")}
    assert set(faults) <= {OTHER_FAULT, *FAULT_KINDS.values()}
    assert all(not codes.alarm for codes in faults.values())
    assert len({codes.zone for codes in faults.values()}) == len(faults)
    for code, kind in FAULT_KINDS.items():
        assert kind not in faults or faults[kind].zone == 10 + code


@pytest.mark.parametrize("name", PROFILES)
def test_a_battery_that_runs_out_is_told_in_steps_and_is_no_alarm(name: str) -> None:
    steps = [PROFILES[name][kind] for kind in ("battery_low", "battery_critical", "battery_dead")]
    assert not any(codes.alarm for codes in steps)
    assert len({(codes.contact_id[0], codes.zone) for codes in steps}) == len(steps)
    assert len({(codes.sia[0], codes.zone) for codes in steps}) == len(steps)


def test_an_unknown_kind_rings_like_an_sos() -> None:
    other = codes_of(PROFILES["basic"], "something_new")
    assert other.contact_id[0] == codes_of(PROFILES["basic"], "sos").contact_id[0]


def _table(path: Path, text: str) -> Path:
    file = path / "own.toml"
    file.write_text(text, "utf-8")
    return file


def test_an_operator_can_add_a_profile(tmp_path: Path) -> None:
    row = '{ contact_id = ["100"], sia = ["MA/MH"], zone = 3 }'
    file = _table(tmp_path, f"[own]\nsos = {row}\nother = {row}\nperiodic_test = {row}\n")
    profiles = load_profiles(file)
    assert set(profiles) == {"basic", "dc05-2016", "own"}
    assert profiles["own"]["sos"].sia_codes(restore=True) == ("MH",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[own\n", "is not TOML"),
        ("[own]\nsos = 1\n", "own.sos: .* write rows as"),
        (
            '[own]\nsos = { contact_id = ["1"], sia = ["QA"], zone = 1 }\n',
            r"own.sos.contact_id.0: .* write rows as",
        ),
        ("[own]\n", "profile own needs a row for sos, other, periodic_test"),
    ],
    ids=["toml", "row", "code", "missing"],
)
def test_a_wrong_table_says_what_to_write(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ProfileError, match=sentence):
        load_profiles(_table(tmp_path, text))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"nothing\.toml cannot be read"):
        load_profiles(tmp_path / "nothing.toml")
