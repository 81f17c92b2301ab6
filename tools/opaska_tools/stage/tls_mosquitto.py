# SPDX-License-Identifier: Apache-2.0
"""A Mosquitto of our own with the files of gateway/deploy: bands come over TLS-PSK only."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from opaska_gateway.broker.mosquitto import MosquittoPlan, write_files
from opaska_tools.stage.mosquitto import GATEWAY, Mosquitto

if TYPE_CHECKING:
    from pathlib import Path

# What a distribution's mosquitto.conf says around the files we ship.
_AROUND = """\
user {user}
pid_file {folder}/mosquitto.pid
log_dest stderr
persistence true
persistence_location {folder}/
include_dir {folder}/conf.d
"""


class TlsMosquitto(Mosquitto):
    """The gateway writes the bands' keys at its start and has it read them."""

    tls = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._plan = MosquittoPlan(
            folder / "opaska", "127.0.0.1", self.band_port, self.gateway_port, GATEWAY
        )
        self.password_file = self._plan.gateway_password_file
        self.settings = {
            "mosquitto_psk_file": str(self._plan.psk_file),
            "mosquitto_pid_file": str(folder / "mosquitto.pid"),
        }

    def _write(self) -> Path:
        folder = self._folder
        write_files(self._plan, {})
        (folder / "conf.d").mkdir()
        (folder / "conf.d" / "opaska.conf").symlink_to(self._plan.folder / "opaska.conf")
        config = folder / "mosquitto.conf"
        config.write_text(_AROUND.format(user=getpass.getuser(), folder=folder), encoding="utf-8")
        return config
