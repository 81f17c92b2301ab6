# SPDX-License-Identifier: Apache-2.0
"""Mosquitto's files: configuration, rules, the gateway's password and every band's TLS key.

`gateway/deploy/mosquitto` holds what `configuration` and `access_rules` write for /etc/mosquitto.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from opaska_gateway.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSWORD_ROUNDS = 20_000  # PBKDF2-SHA512; the password is random, so this is a second belt
SALT_BYTES = 12  # as mosquitto_passwd writes it
SHARED_MODE = 0o640  # Mosquitto reads these through the folder's group
SECRET_MODE = 0o600

CONFIGURATION = """\
# Mosquitto for Opaska, written by `opaska broker files`. Put it into /etc/mosquitto/conf.d.
# Bands come over TLS-PSK; the gateway over its own listener, which only this machine reaches.

# One set of rules for both listeners: without an entry in one of these files nobody gets in.
allow_anonymous false
psk_file {folder}/bands.psk
password_file {folder}/passwords
acl_file {folder}/rules.acl

# What is kept here is a cache: a band sends again until the gateway has answered.
retain_available false
max_packet_size 2048
max_inflight_messages 1000
max_queued_messages 200000
max_queued_bytes 33554432
persistent_client_expiration 2d
autosave_interval 60
set_tcp_nodelay true

# Bands. Identity of the TLS key = user name = client id: nobody can take another's queue.
listener {band_port} {band_address}
tls_version tlsv1.2
ciphers PSK-AES128-GCM-SHA256:PSK-AES256-GCM-SHA384
psk_hint opaska
use_identity_as_username true
use_username_as_clientid true
max_connections {band_connections}

# The gateway: two connections under one name and a password.
listener {gateway_port} 127.0.0.1
"""

ACCESS_RULES = """\
# A band writes its own reports and reads its own answers; %u is its identity, the kid.
pattern write up/%u/a
pattern write up/%u/t
pattern read dn/%u

# The gateway reads all reports and writes all answers.
user {username}
topic read up/#
topic write dn/#
"""


@dataclass(frozen=True)
class MosquittoPlan:
    """Where Mosquitto's files lie and where it listens."""

    folder: Path
    band_address: str = "0.0.0.0"  # noqa: S104 - bands come from outside, over TLS-PSK
    band_port: int = 8883
    gateway_port: int = 1883
    username: str = "opaska-gateway"
    band_connections: int = 60_000  # fewer than it may have open, so that the gateway gets in

    @property
    def psk_file(self) -> Path:
        return self.folder / "bands.psk"

    @property
    def gateway_password_file(self) -> Path:
        return self.folder / "gateway.password"


def configuration(plan: MosquittoPlan) -> str:
    """The text of opaska.conf."""
    return CONFIGURATION.format(
        folder=plan.folder,
        band_address=plan.band_address,
        band_port=plan.band_port,
        gateway_port=plan.gateway_port,
        band_connections=plan.band_connections,
    )


def access_rules(plan: MosquittoPlan) -> str:
    """The text of rules.acl."""
    return ACCESS_RULES.format(username=plan.username)


def password_entry(username: str, password: str) -> str:
    """A line of Mosquitto's password_file, in its PBKDF2 form."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PASSWORD_ROUNDS)
    fields = (
        b"7",
        str(PASSWORD_ROUNDS).encode(),
        base64.b64encode(salt),
        base64.b64encode(digest),
    )
    return f"{username}:$" + b"$".join(fields).decode() + "\n"


def write_files(plan: MosquittoPlan, psk_by_kid: Mapping[str, bytes]) -> None:
    """Write everything Mosquitto needs; the gateway's password is made once and then kept."""
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        if not plan.gateway_password_file.exists():
            replace(plan.gateway_password_file, secrets.token_urlsafe(24) + "\n", SECRET_MODE)
        password = plan.gateway_password_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BrokerError(
            f"{error.filename}: cannot be used ({error.strerror}); let this user write in "
            f"{plan.folder}, or write another folder"
        ) from None
    replace(plan.folder / "opaska.conf", configuration(plan), SHARED_MODE)
    replace(plan.folder / "rules.acl", access_rules(plan), SHARED_MODE)
    replace(plan.folder / "passwords", password_entry(plan.username, password), SHARED_MODE)
    write_psk_file(plan.psk_file, psk_by_kid)


def write_psk_file(path: Path, psk_by_kid: Mapping[str, bytes]) -> None:
    """Write every band's TLS key at once; Mosquitto sees the old file or the new one."""
    lines = (f"{kid}:{psk.hex()}\n" for kid, psk in sorted(psk_by_kid.items()))
    replace(path, "".join(lines), SHARED_MODE)


def ask_to_reload(pid_file: Path) -> None:
    """Have Mosquitto read its files again, or raise BrokerError with the command that does it."""
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
        if pid <= 1:
            raise ValueError  # more processes than one
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no process id"
        raise BrokerError(
            f"{pid_file}: Mosquitto was not told to read again ({reason}); "
            "run: sudo systemctl reload mosquitto"
        ) from None


def replace(path: Path, text: str, mode: int) -> None:
    """Put a whole new file in place of the old one; its group comes from the folder (setgid)."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        part.replace(path)
    except OSError as error:
        raise BrokerError(
            f"{path}: cannot be written ({error.strerror}); let this user write there"
        ) from None
