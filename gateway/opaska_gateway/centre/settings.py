# SPDX-License-Identifier: Apache-2.0
"""The [centre] part of the configuration: one [[centre.receiver]] table per way, best first."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from opaska_gateway.centre.profiles import ProfileError, load_profiles
from opaska_gateway.setting_types import LocalFile, Section

RESTAMPS = 2  # new stamps after a NAK; receivers also NAK what they do not understand, for ever
PAUSE_S = 0.2  # between attempts that failed at once: a restarting receiver gets a chance


def _hex(digits: str, least: int, most: int, example: str) -> str:
    if not re.fullmatch(rf"[0-9A-Fa-f]{{{least},{most}}}", digits):
        raise ValueError(f'write {least} to {most} hex digits in quotes, such as "{example}"')
    return digits.upper()


def _key_digits(digits: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f]*", digits) or len(digits) not in (32, 48, 64):
        raise ValueError(
            "write 32, 48 or 64 hex digits (AES-128, 192 or 256); a key given as 16, 24 or 32 "
            "characters is meant as text: write the hex code of each character"
        )
    return digits


Account = Annotated[str, AfterValidator(lambda text: _hex(text, 3, 16, "1409"))]
Number = Annotated[str, AfterValidator(lambda text: _hex(text, 1, 6, "0"))]


class ReceiverSettings(Section):
    """One receiver of a monitoring centre and the way to it."""

    name: str = Field(
        min_length=1,
        max_length=40,
        description="Name in logs, cases and `opaska status`.",
        examples=["main"],
    )
    host: str = Field(
        min_length=1,
        description="Host name or address of the receiver.",
        examples=["receiver.example"],
    )
    port: int = Field(
        ge=1, le=65535, description="TCP or UDP port of the receiver.", examples=[7700]
    )
    account: Account | None = Field(
        default=None,
        description="Account number that the centre gave to this gateway itself, for line tests; "
        "people have their own in their assignments.",
        examples=["1409"],
    )
    protocol: Literal["SIA-DCS", "ADM-CID"] = Field(
        default="SIA-DCS", description="Code language: SIA codes or Contact ID."
    )
    profile: str = Field(
        default="basic",
        description='Table of codes: "basic" suits every receiver, "dc05-2016" knows falls.',
    )
    key: SecretStr | None = Field(
        default=None,
        description="AES key as 32, 48 or 64 hex digits; better keep it in key_file. "
        "Without a key frames are sent in the clear.",
        examples=["000102030405060708090A0B0C0D0E0F"],
    )
    key_file: LocalFile | None = Field(
        default=None,
        description="File that holds the AES key as hex digits, instead of key.",
        examples=["receiver.key"],
    )
    allow_plain: bool = Field(
        default=False,
        description="True says that an unencrypted path is protected in another way (VPN, own "
        "line), so that its answer may be shown on the wrist.",
    )
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="TCP or UDP.")
    tls: bool = Field(default=False, description="Speak TLS and check the receiver's certificate.")
    tls_ca_file: LocalFile | None = Field(
        default=None,
        description="Certificates (PEM) that may sign the receiver's; without it the system's.",
        examples=["receiver-ca.pem"],
    )
    prefix: Number = Field(default="0", description="Account prefix, the L field of a frame.")
    receiver_number: Number | None = Field(
        default=None,
        description="Receiver number, the R field of a frame; left out if not set.",
        examples=["1"],
    )
    area: int = Field(
        default=1, ge=0, le=99, description="Area (Contact ID: partition) sent with every signal."
    )
    position: bool | None = Field(
        default=None,
        description="Whether to send the wearer's position; not set: with SIA-DCS on a protected "
        "path (some ADM-CID receivers refuse more than one extra block).",
        examples=[True],
    )
    text: bool | None = Field(
        default=None,
        description="Whether to send the text for the dispatcher; not set: as for position.",
        examples=[True],
    )
    timeout_s: float = Field(
        default=5.0, gt=0, le=60, description="Seconds to wait for an answer to one attempt."
    )
    retries: int = Field(
        default=3, ge=1, le=10, description="Attempts on this path before the next is tried."
    )
    connections: int = Field(
        default=4, ge=1, le=64, description="Connections open at the same time, one frame each."
    )
    keep_open_s: float = Field(
        default=5.0,
        ge=0,
        le=600,
        description="Seconds an idle connection is kept for the next frame; 0 = one frame each.",
    )
    ack_window_s: int = Field(
        default=40,
        ge=0,
        le=3600,
        description="Seconds by which the time in an encrypted answer may differ from the "
        "receiver's clock; 0 = not checked, then a recorded answer can be played again.",
    )
    clock_tolerance_s: int = Field(
        default=900,
        ge=0,
        description="Seconds by which the receiver's clock may differ from ours, as learned from "
        "its NAK, and its answers still be believed.",
    )
    supervision: Literal["off", "null", "test"] = Field(
        default="null",
        description='Line test: "null" sends NULL frames, "test" periodic test reports (RP, 602).',
    )
    supervision_s: float = Field(
        default=90.0,
        ge=1,
        le=90_000,
        description="Seconds between line tests, as agreed with the centre; any frame of the same "
        "account counts as one.",
    )

    @field_validator("key")
    @classmethod
    def _key_is_hex(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            _key_digits(key.get_secret_value())
        return key

    @field_validator("key_file")
    @classmethod
    def _file_holds_a_key(cls, path: Path | None) -> Path | None:
        if path is not None:
            _key_from(path)
        return path

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.key and self.key_file:
            raise ValueError("key: key_file is set, too; remove one of them")
        if self.supervision != "off" and self.account is None:
            raise ValueError(
                "account: it is missing; write the number the centre gave to this gateway for "
                'line tests, or supervision = "off"'
            )
        if self.tls and self.transport == "udp":
            raise ValueError('tls: UDP cannot carry it; write transport = "tcp"')
        if self.tls_ca_file and not self.tls:
            raise ValueError("tls_ca_file: tls is not set; write tls = true")
        return self

    @property
    def key_bytes(self) -> bytes | None:
        """The AES key, None for clear frames."""
        if self.key_file is not None:
            return _key_from(self.key_file)
        return None if self.key is None else bytes.fromhex(self.key.get_secret_value())

    @property
    def trusted(self) -> bool:
        """Whether the path itself proves who answers, so that a plain ACK is enough."""
        return self.tls or self.allow_plain

    @property
    def encrypted(self) -> bool:
        return self.key is not None or self.key_file is not None

    @property
    def longest_s(self) -> float:
        """No delivery on this path takes longer."""
        return (self.retries + RESTAMPS) * (self.timeout_s + PAUSE_S)


class CentreSettings(Section):
    """The ways to the monitoring centre."""

    profiles_file: LocalFile | None = Field(
        default=None,
        description="Own tables of codes (TOML), added to the built-in ones.",
        examples=["codes.toml"],
    )
    patience_s: float = Field(
        default=5.0,
        ge=0,
        le=60,
        description="Seconds a signal waits for an earlier one of the same account before it "
        "goes ahead: order is kept while it costs no more than this.",
    )
    receiver: tuple[ReceiverSettings, ...] = Field(
        default=(),
        description="Receivers in the order in which they are tried.",
        strict=False,  # TOML has lists
    )

    @field_validator("profiles_file")
    @classmethod
    def _profiles_can_be_read(cls, path: Path | None) -> Path | None:
        load_profiles(path)  # ProfileError is a ValueError with the sentence to show
        return path

    @field_validator("receiver")
    @classmethod
    def _receivers_agree(
        cls, receivers: tuple[ReceiverSettings, ...], info: ValidationInfo
    ) -> tuple[ReceiverSettings, ...]:
        names = [receiver.name for receiver in receivers]
        if len(set(names)) != len(names):
            raise ValueError("two receivers have the same name; give each its own")
        if "profiles_file" in info.data:  # else that field has its own error
            profiles = load_profiles(info.data["profiles_file"])
            for receiver in receivers:
                if receiver.profile not in profiles:
                    raise ProfileError(
                        f"receiver {receiver.name}: there is no profile {receiver.profile!r}; "
                        f"choose one of {', '.join(sorted(profiles))}"
                    )
        return receivers

    @property
    def longest_s(self) -> float:
        """No delivery takes longer: a lease on a signal must outlive this."""
        return self.patience_s + sum(receiver.longest_s for receiver in self.receiver)


def _key_from(path: Path) -> bytes:
    try:
        digits = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as text: {error}") from error
    return bytes.fromhex(_key_digits(digits))
