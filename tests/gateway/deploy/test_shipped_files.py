# SPDX-License-Identifier: Apache-2.0
"""What lies in gateway/deploy is what the program writes, and its parts agree."""

from __future__ import annotations

import configparser
import re
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


def test_mosquitto_may_hold_more_connections_than_bands_may_take() -> None:
    """Else a crowd, of bands or of strangers, keeps the gateway out."""
    limits = configparser.RawConfigParser()
    limits.read(DEPLOY / "systemd" / "mosquitto-limits.conf", encoding="utf-8")
    beside = 1_000  # the gateway's, its files, the listeners
    assert int(limits["Service"]["LimitNOFILE"]) > SHIPPED.band_connections + beside


def test_no_connection_of_a_band_may_flood_but_each_may_hand_over_all_that_it_kept() -> None:
    rules = (DEPLOY / "nftables" / "band-pace.nft").read_text(encoding="utf-8")
    paced = re.findall(r"dport (\d+) update .* over (\d+) kbytes/second burst (\d+) kby", rules)
    assert [int(port) for port, _, _ in paced] == [SHIPPED.band_port] * 2  # IPv4, IPv6
    kept_kb = (256 + 512) * 250 // 1_000  # reports of 128 bytes, in MQTT, TLS and TCP
    for _, rate, burst in paced:
        assert int(rate) <= 20, "a gateway reads some ten thousand messages a second"
        assert int(burst) > 2 * kept_kb
    unit = configparser.RawConfigParser()
    unit.read(DEPLOY / "systemd" / "opaska-band-pace.service", encoding="utf-8")
    assert unit["Service"]["ExecStart"].endswith("gateway/deploy/nftables/band-pace.nft")


@pytest.mark.parametrize(
    "name", ["opaska-gateway.service", "opaska-band-keys.service", "opaska-band-pace.service"]
)
def test_systemd_never_gives_up_a_shipped_service(name: str) -> None:
    unit = configparser.RawConfigParser()
    unit.read(DEPLOY / "systemd" / name, encoding="utf-8")
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"  # else five starts in ten seconds are all


def test_keys_that_are_written_while_mosquitto_reads_are_read_as_well() -> None:
    unit = configparser.RawConfigParser()
    unit.read(DEPLOY / "systemd" / "opaska-band-keys.service", encoding="utf-8")
    # systemd starts no oneshot that still runs, but queues a reload behind one that does
    assert "--no-block" in unit["Service"]["ExecStart"].split()


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
