# SPDX-License-Identifier: Apache-2.0
"""A Mosquitto of our own on loopback: gateway/deploy's rules, but a plain listener for bands.

CPython's ssl has no PSK before 3.13, so load generators take the plain listener; what bands may
write and read is the same.
"""

from __future__ import annotations

import getpass
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

from opaska_tools.stage.child import Child
from opaska_tools.stage.ports import free_port, listening

if TYPE_CHECKING:
    from types import TracebackType

_CONFIG = """\
user {user}
per_listener_settings true
max_inflight_messages 200
max_queued_messages 200000
max_packet_size 2048
retain_available false
set_tcp_nodelay true
persistence false
log_dest stderr
log_type warning
log_type error

listener {gateway_port} 127.0.0.1
allow_anonymous false
password_file {folder}/gateway.password
acl_file {folder}/gateway.acl

listener {band_port} 127.0.0.1
allow_anonymous true
use_username_as_clientid true
acl_file {folder}/bands.acl
"""
GATEWAY = "opaska-gateway"
_PASSWORD = "on-loopback-for-one-run"  # noqa: S105 - of a broker that lives for one run


def find_mosquitto() -> str | None:
    """The program, also where daemons live."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


class Mosquitto:
    """One broker process with a listener for the gateway and one for bands."""

    tls = False  # whether bands come over TLS-PSK

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.gateway_port = free_port()
        self.band_port = free_port()
        self.password_file = folder / "broker.password"
        self.settings: dict[str, str] = {}  # more keys of the gateway's [broker] table
        self.child: Child | None = None

    def _write(self) -> Path:
        folder = self._folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "gateway.acl").write_text(
            f"user {GATEWAY}\ntopic read up/#\ntopic write dn/#\n", encoding="utf-8"
        )
        (folder / "bands.acl").write_text(
            "pattern write up/%u/#\npattern read dn/%u\n", encoding="utf-8"
        )
        self.password_file.write_text(_PASSWORD, encoding="utf-8")
        self.password_file.chmod(0o600)
        passwords = folder / "gateway.password"
        passwords.touch(mode=0o600)
        subprocess.run(
            ["mosquitto_passwd", "-b", passwords, GATEWAY, _PASSWORD],
            check=True,
            capture_output=True,
        )
        config = folder / "mosquitto.conf"
        config.write_text(
            _CONFIG.format(
                user=getpass.getuser(),  # else root's broker becomes one who may not read these
                folder=folder,
                gateway_port=self.gateway_port,
                band_port=self.band_port,
            ),
            encoding="utf-8",
        )
        return config

    async def start(self) -> None:
        program = find_mosquitto()
        assert program is not None, "install it: apt-get install mosquitto"
        self.child = Child([program, "-c", self._write()])
        await self.child.start()
        try:
            await listening(self.gateway_port)
        except TimeoutError as error:
            raise TimeoutError(f"Mosquitto does not listen\n{self.child.tail()}") from error

    async def kill(self) -> None:
        """As kill -9 does; it forgets every session and every report on its way."""
        assert self.child is not None
        self.child.kill()
        await self.child.stop()

    async def stop(self) -> None:
        if self.child is not None:
            await self.child.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
