# SPDX-License-Identifier: Apache-2.0
"""Settings: what is wrong is refused with a sentence that says what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from opaska_gateway.centre import CentreSettings, ReceiverSettings

if TYPE_CHECKING:
    from pathlib import Path

USUAL: dict[str, Any] = {"name": "main", "host": "arc.example", "port": 9000, "account": "1409"}
KEY = "00112233445566778899AABBCCDDEEFF"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"key": "0123456789ABCDEF"}, "write 32, 48 or 64 hex digits"),
        ({"key": "g" * 32}, "write 32, 48 or 64 hex digits"),
        ({"account": "12"}, "write 3 to 16 hex digits"),
        ({"account": None}, "account: it is missing; .* or supervision = .off."),
        ({"prefix": "x"}, "write 1 to 6 hex digits"),
        ({"receiver_number": ""}, "write 1 to 6 hex digits"),
        ({"tls": True, "transport": "udp"}, "write transport = .tcp."),
        ({"profile": "best"}, "choose one of basic, dc05-2016"),
        ({"retires": 3}, "retires"),
        ({"port": 0}, "port"),
        ({"key_file": "/nowhere/key"}, "key_file"),
        ({"protocol": "SIA"}, "'SIA-DCS' or 'ADM-CID'"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else "",
)
def test_a_wrong_value_says_what_to_write(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        CentreSettings.model_validate({"receiver": [USUAL | change]})


def test_the_key_may_come_from_a_file_but_not_twice(tmp_path: Path) -> None:
    file = tmp_path / "centre.key"
    file.write_text(KEY + "\n", "ascii")
    settings = ReceiverSettings.model_validate(USUAL | {"key_file": file})
    assert settings.key_bytes == bytes.fromhex(KEY)
    with pytest.raises(ValidationError, match="key: key_file is set, too"):
        ReceiverSettings.model_validate(USUAL | {"key_file": file, "key": KEY})
    file.write_text("secret", "ascii")
    with pytest.raises(ValidationError, match="write 32, 48 or 64 hex digits") as caught:
        ReceiverSettings.model_validate(USUAL | {"key_file": file})
    assert caught.value.errors()[0]["loc"] == ("key_file",)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ValidationError, match="cannot be read as text"):
        ReceiverSettings.model_validate(USUAL | {"key_file": file})


def test_a_certificate_file_needs_tls(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    with pytest.raises(ValidationError, match="write tls = true"):
        ReceiverSettings.model_validate(USUAL | {"tls_ca_file": file})


def test_two_receivers_need_two_names() -> None:
    with pytest.raises(ValidationError, match="give each its own"):
        CentreSettings.model_validate({"receiver": [USUAL, USUAL]})


def test_the_key_is_not_shown() -> None:
    settings = ReceiverSettings.model_validate(USUAL | {"key": KEY})
    assert KEY not in repr(settings)
    assert settings.key_bytes == bytes.fromhex(KEY)


def test_every_field_is_described_and_none_can_be_changed() -> None:
    for model in (CentreSettings, ReceiverSettings):
        for name, field in model.model_fields.items():
            assert (field.description or "").endswith("."), name
    settings = ReceiverSettings.model_validate(USUAL)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings, "port", 1)  # noqa: B010 - the checkers forbid the short form


def test_a_wrong_profiles_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[own]\n", "utf-8")
    with pytest.raises(ValidationError, match="needs a row for") as caught:
        CentreSettings.model_validate({"profiles_file": file, "receiver": [USUAL]})
    assert [error["loc"] for error in caught.value.errors()] == [("profiles_file",)]


def test_the_longest_delivery_is_known() -> None:
    settings = CentreSettings.model_validate({"receiver": [USUAL, USUAL | {"name": "second"}]})
    assert settings.longest_s == pytest.approx(5 + 2 * 5 * 5.2)
