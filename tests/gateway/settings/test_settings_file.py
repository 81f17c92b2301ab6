# SPDX-License-Identifier: Apache-2.0
"""A settings file that cannot be used: one line for each mistake, and it is never half used."""

from __future__ import annotations

from pathlib import Path

import pytest

from opaska_gateway.errors import ConfigurationError
from opaska_gateway.settings import Settings
from opaska_gateway.settings_file import load

RECEIVER = '[[centre.receiver]]\nname = "main"\nhost = "h"\nport = 1\naccount = "1409"\n'

# (what somebody wrote, the line they get after "file: ")
MISTAKES = [
    ("[broker]\nprot = 3", "broker.prot: unknown key; write port"),
    (
        "[log]\nzzz = 3",
        "log.zzz: unknown key; remove it, or write one of level, form, journey",
    ),
    ("[borker]\nport = 3", "borker: unknown key; write broker"),
    ("[broker]\nport = 70000", "broker.port: 70000 is too large; write 65535 or less"),
    ("[broker]\nport = -1", "broker.port: -1 is too small; write 0 or more"),
    ('[broker]\nport = "7"', 'broker.port: "7" is not a whole number; write one without quotes'),
    ("[broker]\nport = true", "broker.port: true is not a whole number; write one without quotes"),
    (
        "[broker]\nport = 7.5",
        "broker.port: 7.5 is not a whole number; write one without quotes",
    ),
    ("[broker]\nhost = 5", 'broker.host: 5 is not text; write text in "quotes"'),
    (
        '[broker]\nhost = "0.0.0.0"',
        "broker.host: the embedded broker has no TLS and serves this machine only; "
        'write "127.0.0.1", or kind = "mosquitto"',
    ),
    (
        '[broker]\nkind = "mosquitto"\nport = 0',
        "broker.port: 0 means nothing here; write the port Mosquitto listens on",
    ),
    (
        '[log]\nlevel = "loud"',
        "log.level: \"loud\" is not known; write 'debug', 'info', 'warning' or 'error'",
    ),
    ("[log]\njourney = 1", "log.journey: 1 is not a yes or no; write true or false"),
    ("log = 3", "log: 3 is not a table; write [log] and its keys below it"),
    (
        "[storage]\ndatabase_file = 5",
        'storage.database_file: 5 is not a path; write a path in "quotes"',
    ),
    (
        "[log]\nlevel = 2024-01-01",
        "log.level: \"2024-01-01\" is not known; write 'debug', 'info', 'warning' or 'error'",
    ),
    (
        RECEIVER.replace("port = 1", ""),
        "centre.receiver[1].port: it is missing; add a line `port = ...`",
    ),
    (
        RECEIVER + "\n" + RECEIVER.replace('"main"', '"second"') + 'protocl = "SIA-DCS"',
        "centre.receiver[2].protocl: unknown key; write protocol",
    ),
    (
        RECEIVER.replace("port = 1", 'port = "1"'),
        'centre.receiver[1].port: "1" is not a whole number; write one without quotes',
    ),
]


@pytest.mark.parametrize(("text", "line"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_a_mistake_is_one_line_with_file_key_and_what_to_write(
    tmp_path: Path, text: str, line: str
) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert caught.value.lines == (f"{file}: {line}",)


def test_several_mistakes_are_told_together(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("[broker]\nport = -1\nprot = 3\n[log]\njourney = 0", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert len(caught.value.lines) == 3
    assert all(line.startswith(f"{file}: ") for line in caught.value.lines)


# (bytes of the file, the beginning of the line after "file: ")
UNREADABLE = [
    (b"port 5", "syntax: expected '=' after a key"),
    (b"[broker\nport = 5", "syntax: "),
    (b"port = 5\nport = 6", "syntax: cannot overwrite a value"),
    (b"\xff\xfe", "file: it is not UTF-8 text; save it as UTF-8"),
    (b"#" * 1_000_001, "file: it is too large; "),
]


@pytest.mark.parametrize(
    ("content", "line"), UNREADABLE, ids=["words", "head", "twice", "bytes", "huge"]
)
def test_a_file_that_is_no_toml_is_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert len(caught.value.lines) == 1
    assert caught.value.lines[0].startswith(f"{file}: {line}")


def test_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file; write the path"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path)


def test_a_secret_in_a_refused_file_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    secret = "00112233445566778899aabbccddeef"  # one digit short
    file.write_text(RECEIVER + f'key = "{secret}"', encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert secret not in str(caught.value)
    assert "centre.receiver[1].key: " in str(caught.value)


def test_paths_are_taken_from_the_folder_of_the_file_written_or_default(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('[storage]\nkey_file = "keys/opaska.key"', encoding="utf-8")
    storage = load(file).storage
    assert storage.key_file == tmp_path / "keys" / "opaska.key"
    assert storage.database_file == tmp_path / "var" / "opaska.db"
    file.write_text("", encoding="utf-8")
    assert load(file).storage.database_file == tmp_path / "var" / "opaska.db"
    file.write_text('[storage]\nkey_file = "/etc/opaska.key"', encoding="utf-8")
    assert load(file).storage.key_file == Path("/etc/opaska.key")


def test_a_receivers_key_file_is_taken_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "receiver.key").write_text("00" * 16, encoding="ascii")
    file = tmp_path / "gateway.toml"
    file.write_text(RECEIVER + 'key_file = "receiver.key"', encoding="utf-8")
    (receiver,) = load(file).centre.receiver
    assert receiver.key_bytes == bytes(16)


def test_without_a_file_everything_has_a_default() -> None:
    assert load(None) == Settings()
    assert load(None).broker.kind == "embedded"


def test_settings_cannot_be_changed_after_reading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().broker.port = 1
