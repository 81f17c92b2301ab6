# SPDX-License-Identifier: Apache-2.0
"""The program that writes an identity at the bench, on the board's own NVS."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from opaska_tools.simulator.identity import read_nvs, write_identity
from opaska_tools.simulator.places import ROOT
from tests.hardware.conftest import needs_micropython
from tests.support.requirements import program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_micropython

KID, KEY = bytes(range(8)), bytes(range(16))
BUNDLE: dict[str, Any] = {"kid": KID.hex(), "key": KEY.hex(), "generation": 3, "label": "17"}
BROKERS = "mqtt.example.org:8883,10.0.0.1:8883"
SITE: dict[str, Any] = {"broker": BROKERS, "apn": "m2m.example", "build": 2}


def provisioned(folder: Path, bundle: dict[str, Any], site: dict[str, Any]) -> str:
    """What the program prints."""
    (folder / "band.json").write_text(json.dumps(bundle))
    (folder / "site.json").write_text(json.dumps(site))
    done = subprocess.run(
        [program("micropython"), ROOT / "firmware/programs/provision.py"],
        check=False,
        cwd=folder,
        env={
            **os.environ,
            "MICROPYPATH": f"{ROOT}/hardware/simulated:.frozen",
            "OPASKA_SIM_DIR": str(folder / "band"),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_a_bundle_is_written_as_a_simulated_band_has_it_and_no_key_is_printed(
    tmp_path: Path,
) -> None:
    (tmp_path / "band").mkdir()
    said = provisioned(tmp_path, BUNDLE, SITE)
    assert said.strip() == "band 17, generation 3: written. Reset it."
    write_identity(
        tmp_path / "same", KID, 3, KEY, brokers=SITE["broker"], tls=True, build=2, apn=SITE["apn"]
    )
    assert read_nvs(tmp_path / "band") == read_nvs(tmp_path / "same")


def test_a_new_key_leaves_the_counter_of_boots_alone(tmp_path: Path) -> None:
    write_identity(tmp_path / "band", KID, 2, bytes(16), brokers="a:1", tls=True, build=1)
    file = tmp_path / "band/nvs.json"
    file.write_text(file.read_text().replace('"boot": 0', '"boot": 41'))
    provisioned(tmp_path, BUNDLE, SITE)
    values = read_nvs(tmp_path / "band")["opaska"]
    assert (values["boot"], values["gen"], values["key"]) == (41, 3, KEY.hex())


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        ("band", "kid", "00"),
        ("band", "key", "00" * 15),
        ("band", "generation", 0),
        ("site", "broker", ""),
        ("site", "broker", "mqtt.example.org"),
        ("site", "broker", "a:1,b"),
        ("site", "tls", 2),
        ("site", "build", 3),
    ],
)
def test_one_wrong_value_is_named_and_nothing_is_written(
    tmp_path: Path, where: str, name: str, value: str | int
) -> None:
    (tmp_path / "band").mkdir()
    bundle = BUNDLE | {name: value} if where == "band" else BUNDLE
    site = SITE | {name: value} if where == "site" else SITE
    said = provisioned(tmp_path, bundle, site)
    assert f"ValueError: {where}.json, {name}: " in said
    assert KEY.hex() not in said
    assert read_nvs(tmp_path / "band") == {}
