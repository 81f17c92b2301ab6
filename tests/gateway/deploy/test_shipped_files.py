# SPDX-License-Identifier: Apache-2.0
"""What lies in gateway/deploy is what the program writes, and its parts agree."""

from __future__ import annotations

import configparser
import stat
from pathlib import Path

import pytest

from opaska_gateway.broker.mosquitto import (
    MosquittoPlan,
    access_rules,
    configuration,
    password_entry,
    write_files,
)
from opaska_gateway.errors import BrokerError
from opaska_gateway.settings_file import load

DEPLOY = Path(__file__).parents[3] / "gateway" / "deploy"
SHIPPED = MosquittoPlan(Path("/etc/mosquitto/opaska"))


def test_mosquittos_shipped_files_are_what_the_command_writes() -> None:
    folder = DEPLOY / "mosquitto"
    assert (folder / "opaska.conf").read_text(encoding="utf-8") == configuration(SHIPPED)
    assert (folder / "rules.acl").read_text(encoding="utf-8") == access_rules(SHIPPED)


def test_the_shipped_settings_meet_mosquitto_where_it_is() -> None:
    broker = load(DEPLOY / "gateway.toml").broker
    assert broker.kind == "mosquitto"
    assert broker.port == SHIPPED.gateway_port
    assert broker.username == SHIPPED.username
    assert broker.password_file == SHIPPED.gateway_password_file
    assert broker.mosquitto_psk_file == SHIPPED.psk_file


def test_the_shipped_service_starts_the_shipped_settings() -> None:
    unit = configparser.RawConfigParser()
    unit.read(DEPLOY / "systemd" / "opaska-gateway.service", encoding="utf-8")
    assert unit["Service"]["ExecStart"].endswith("opaska serve --config /etc/opaska/gateway.toml")
    assert unit["Service"]["ReadWritePaths"] == str(SHIPPED.folder)
    watcher = configparser.RawConfigParser()
    watcher.read(DEPLOY / "systemd" / "opaska-band-keys.path", encoding="utf-8")
    assert watcher["Path"]["PathChanged"] == str(SHIPPED.psk_file)
    assert (DEPLOY / "systemd" / watcher["Path"]["Unit"]).exists()


def test_files_for_mosquitto_are_not_for_everyone_and_keep_the_password(tmp_path: Path) -> None:
    plan = MosquittoPlan(tmp_path / "files")
    write_files(plan, {"00" * 8: bytes(16)})
    password = plan.gateway_password_file.read_text(encoding="utf-8")
    write_files(plan, {"11" * 8: b"\1" * 16})
    assert plan.gateway_password_file.read_text(encoding="utf-8") == password
    assert plan.psk_file.read_text(encoding="utf-8") == f"{'11' * 8}:{'01' * 16}\n"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in plan.folder.iterdir()}
    assert modes == {
        "opaska.conf": 0o640,
        "rules.acl": 0o640,
        "passwords": 0o640,
        "bands.psk": 0o640,
        "gateway.password": 0o600,
    }


def test_the_password_stands_in_no_file_of_mosquitto(tmp_path: Path) -> None:
    plan = MosquittoPlan(tmp_path)
    write_files(plan, {})
    password = plan.gateway_password_file.read_text(encoding="utf-8").strip()
    for name in ("opaska.conf", "rules.acl", "passwords", "bands.psk"):
        assert password not in (tmp_path / name).read_text(encoding="utf-8")
    assert password_entry("a", "b") != password_entry("a", "b")  # salted


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "bands.psk").mkdir()
    with pytest.raises(BrokerError, match="cannot be written"):
        write_files(MosquittoPlan(tmp_path), {})
