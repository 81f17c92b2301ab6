# SPDX-License-Identifier: Apache-2.0
"""Every setting of the gateway: typed, with its unit in the name and a sentence that explains it.

`settings_file.py` reads them from TOML, `settings_example.py` writes config.example.toml of them.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from opaska_gateway.centre.settings import CentreSettings
from opaska_gateway.setting_types import LocalPath, Section


class LogSettings(Section):
    """What the gateway writes to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important line that is still written."
    )
    form: Literal["auto", "human", "json"] = Field(
        default="auto",
        description='"json" is one object per line; "auto" is for a human on a terminal.',
    )
    journey: bool = Field(
        default=False,
        description="One line for every station that a report passes. Meant for the demo.",
    )


class StorageSettings(Section):
    """Where the gateway keeps what it must not lose."""

    database_file: LocalPath = Field(
        default=Path("var/opaska.db"),
        description="The SQLite database. Paths are relative to this file.",
    )
    database_url: str | None = Field(
        default=None,
        description=(
            "A PostgreSQL database in place of that file, as libpq writes it, for when you grow. "
            "Without a password: that stands in a file of mode 0600, see gateway/deploy."
        ),
        examples=["postgresql://opaska@/opaska?host=/run/postgresql"],
    )
    key_file: LocalPath = Field(
        default=Path("var/opaska.key"),
        description=(
            "The key that opens band keys and personal data, mode 0600. Made at the first start. "
            "Keep a copy apart from the database's copies: without it the database is unreadable."
        ),
    )

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, text: str | None) -> str | None:
        if text is None:
            return None
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        form = "write postgresql://USER@HOST/DATABASE"
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            raise ValueError(f"it is no address; {form}") from None
        if url.drivername not in ("postgresql", "postgresql+psycopg"):
            raise ValueError(f"{url.drivername} is not supported; {form}")
        if url.password is not None or "password" in url.query:
            raise ValueError(
                "it holds a password; write that to a file of mode 0600 as "
                "HOST:PORT:DATABASE:USER:PASSWORD, and add ?passfile=/PATH/OF/THE/FILE here"
            )
        return text

    @property
    def url(self) -> str:
        """Of the database, whichever it is."""
        return self.database_url or f"sqlite+aiosqlite:///{self.database_file.absolute()}"

    @property
    def place(self) -> str:
        """Of the database and the setting that names it, for the operator."""
        if self.database_url is not None:
            return f"{self.database_url}: storage.database_url"
        return f"{self.database_file}: storage.database_file"

    @property
    def beside(self) -> Path:
        """The file beside which a gateway of this machine has its lock and its socket."""
        return self.database_file if self.database_url is None else self.key_file


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class BrokerSettings(Section):
    """The MQTT broker between bands and gateway."""

    kind: Literal["embedded", "mosquitto"] = Field(
        default="embedded",
        description=(
            '"embedded" runs a small broker inside the gateway, for this machine only; '
            '"mosquitto" connects to a Mosquitto set up as in gateway/deploy.'
        ),
    )
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Where the broker listens for the gateway."
    )
    port: int = Field(
        default=1883,
        ge=0,
        le=65535,
        description="Its port; 0 lets the embedded broker take a free one.",
    )
    username: str = Field(
        default="opaska-gateway",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="The gateway's own name at the broker.",
    )
    password_file: LocalPath | None = Field(
        default=None,
        description=(
            "The file with the gateway's password for Mosquitto, mode 0600; or set the "
            "environment variable OPASKA_BROKER_PASSWORD. The embedded broker needs none."
        ),
        examples=["broker.password"],
    )
    mosquitto_psk_file: LocalPath | None = Field(
        default=None,
        description="Mosquitto's psk_file: `opaska bands` writes each band's TLS key to it.",
        examples=["/etc/mosquitto/opaska/bands.psk"],
    )
    mosquitto_pid_file: LocalPath | None = Field(
        default=None,
        description="Mosquitto's pid_file: with it `opaska bands` tells Mosquitto to read again.",
        examples=["/run/mosquitto/mosquitto.pid"],
    )

    @model_validator(mode="after")
    def _kind_fits(self) -> BrokerSettings:
        if self.kind == "embedded" and not _is_loopback(self.host):
            raise ValueError(
                "host: the embedded broker has no TLS and serves this machine only; "
                'write "127.0.0.1", or kind = "mosquitto"'
            )
        if self.kind == "mosquitto" and self.port == 0:
            raise ValueError("port: 0 means nothing here; write the port Mosquitto listens on")
        return self


class SupervisionSettings(Section):
    """Bands that fall silent: a fault after three periods, told to the centre by its codes."""

    period_s: int = Field(
        default=1_200,
        ge=60,
        le=86_400,
        description=(
            "Seconds of one period of supervision. Three of them without a word from a band on a "
            "wrist are a fault. A band with rarer heartbeats has their interval as its period."
        ),
    )
    outage_bands: int = Field(
        default=5,
        ge=2,
        description=(
            "So many bands of one area that fall silent together are told as one outage: fewer "
            "can be calls of their own, more would fill the centre's screen."
        ),
    )
    outage_percent: int = Field(
        default=50,
        ge=1,
        le=100,
        description=(
            "And at least so many percent of the bands there: in a big area five silent bands "
            "are everyday life, half of them have one reason."
        ),
    )
    outage_flood: int = Field(
        default=50,
        ge=2,
        description=(
            "So many bands of an organisation that fall silent together are told as one outage "
            "wherever they are: a telephone network knows no areas."
        ),
    )
    outage_window_s: int = Field(
        default=1_800,
        ge=60,
        description=(
            "Together means that their last words lie within so many seconds; must be longer "
            "than the interval of their heartbeats."
        ),
    )


class PlacesSettings(Section):
    """Where bands are, beyond what they say themselves."""

    cells_file: LocalPath | None = Field(
        default=None,
        description=(
            "A table of the cells of telephone networks in OpenCelliD's columns, .csv or .csv.gz, "
            "for your country. With it the cell of a band that sees no sky is told with where "
            "that cell was heard; without it by its numbers alone. Its data have a licence of "
            "their own."
        ),
        examples=["260.csv.gz"],
    )


class RetentionSettings(Section):
    """For how long what is kept is kept. Alarms, cases, faults, visits and the audit stay."""

    refused_days: int = Field(
        default=90,
        ge=1,
        le=36_500,
        description=(
            "Days for which a refused frame is kept: at most 1,000 a day of one band, and of all "
            "unknown ones together. How many there were, and why, stays."
        ),
    )
    refused_most: int = Field(
        default=100_000,
        ge=1_000,
        description=(
            "And at most so many refused frames, the newest, each up to 1 KiB: whoever sends "
            "garbage with stolen bands does not fill the disk."
        ),
    )
    telemetry_days: int = Field(
        default=400,
        ge=60,
        le=36_500,
        description=(
            "Days after which heartbeats, positions, pulses and wearing that belong to no case "
            "lose what they said, also the place of a visit away from home; the cause of a "
            "silence is told from eight weeks. That they came stays, so that a recorded copy is "
            "known."
        ),
    )
    motion_days: int = Field(
        default=365,
        ge=1,
        le=36_500,
        description=(
            "Days after which the motion around a fall is gone; export it before, by `opaska "
            "falls relabel`."
        ),
    )
    wear_days: int = Field(
        default=400,
        ge=1,
        le=36_500,
        description="Days for which `opaska people worn` can tell the hours on the wrist.",
    )


class Settings(Section):
    """The whole file."""

    log: LogSettings = LogSettings()
    storage: StorageSettings = StorageSettings()
    broker: BrokerSettings = BrokerSettings()
    supervision: SupervisionSettings = SupervisionSettings()
    retention: RetentionSettings = RetentionSettings()
    places: PlacesSettings = PlacesSettings()
    centre: CentreSettings = CentreSettings()
