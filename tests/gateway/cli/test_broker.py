# SPDX-License-Identifier: Apache-2.0
"""With Mosquitto, adding and revoking a band changes who gets in, or a command is named."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from opaska_gateway.broker.mosquitto import ask_to_reload
from opaska_gateway.errors import BrokerError
from opaska_protocol.seal import derive_psk
from tests.gateway.cli.conftest import Run


@pytest.fixture
def psk_file(settings_file: Path) -> Path:
    settings_file.write_text('[broker]\nmosquitto_psk_file = "bands.psk"\n', encoding="utf-8")
    return settings_file.parent / "bands.psk"


def test_the_psk_file_follows_the_registry(run: Run, psk_file: Path) -> None:
    lines: dict[str, str] = {}
    for _ in range(2):
        bundle = json.loads(run("bands", "add").stdout)
        lines[bundle["kid"]] = derive_psk(bytes.fromhex(bundle["key"])).hex()
    text = "".join(f"{kid}:{psk}\n" for kid, psk in sorted(lines.items()))
    assert psk_file.read_text(encoding="ascii") == text
    gone = min(lines)
    run("bands", "revoke", gone, "--why", "lost")
    assert gone not in psk_file.read_text(encoding="ascii")
    psk_file.unlink()
    assert run("broker", "keys").exit_code == 0
    assert len(psk_file.read_text(encoding="ascii").splitlines()) == 1


def test_a_file_that_cannot_be_written_is_told_after_the_bundle(run: Run, psk_file: Path) -> None:
    psk_file.mkdir()
    result = run("bands", "add")
    assert json.loads(result.stdout)["kid"]  # the bundle is not lost
    assert result.exit_code == 1
    assert f"{psk_file}: cannot be written" in result.stderr


def test_mosquitto_is_told_by_its_pid_file_or_the_operator_is(
    run: Run, psk_file: Path, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = settings_file.parent / "mosquitto.pid"
    settings_file.write_text(
        settings_file.read_text(encoding="utf-8") + 'mosquitto_pid_file = "mosquitto.pid"',
        encoding="utf-8",
    )
    result = run("bands", "add")
    assert result.exit_code == 1
    assert "run: sudo systemctl reload mosquitto" in result.stderr
    pid_file.write_text("4711\n", encoding="ascii")
    told: list[tuple[int, int]] = []

    def tell(pid: int, number: int) -> None:
        told.append((pid, number))

    monkeypatch.setattr("os.kill", tell)
    assert run("bands", "add").exit_code == 0
    assert told == [(4711, signal.SIGHUP)]


def test_a_folder_or_a_setting_that_cannot_be_used_is_one_sentence(
    run: Run, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    for folder in (in_the_way, in_the_way / "below"):
        result = run("broker", "files", str(folder))
        assert result.exit_code == 1
        assert "write another folder" in result.stderr
        assert len(result.stderr.splitlines()) == 1
    result = run("broker", "keys")
    assert result.exit_code == 1
    assert "broker.mosquitto_psk_file" in result.stderr


def test_one_command_writes_all_of_mosquittos_files(run: Run, tmp_path: Path) -> None:
    kid = json.loads(run("bands", "add").stdout)["kid"]
    folder = tmp_path / "mosquitto"
    assert run("broker", "files", str(folder), "--band-port", "9999").exit_code == 0
    assert (folder / "bands.psk").read_text(encoding="ascii").startswith(f"{kid}:")
    assert "listener 9999 0.0.0.0" in (folder / "opaska.conf").read_text(encoding="ascii")


@pytest.mark.parametrize("many", ["0", "-1", "1"])
def test_a_pid_file_that_means_many_processes_ends_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: str
) -> None:
    told: list[int] = []

    def tell(pid: int, _: int) -> None:
        told.append(pid)

    monkeypatch.setattr("os.kill", tell)
    (tmp_path / "mosquitto.pid").write_text(many, encoding="ascii")
    with pytest.raises(BrokerError, match="no process id"):
        ask_to_reload(tmp_path / "mosquitto.pid")
    assert told == []
