# SPDX-License-Identifier: Apache-2.0
"""What a running gateway tells of itself, to whoever asks on the socket beside its database.

No secret, and nobody's name. An answer proves that its loop runs, which no file that it writes
could: that may be old, half written, or from before the clock was set.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from opaska_gateway.centre.interface import PathHealth
from opaska_gateway.intake.mqtt_link import LinkHealth

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_gateway.settings import StorageSettings

VERSION: Final = version("opaska")  # as this process was started


class Told(BaseModel):
    """One answer."""

    model_config = ConfigDict(frozen=True)

    version: str
    process_id: int
    for_s: float  # it has run for so long
    sick: str | None  # why nothing can be stored now
    links: tuple[LinkHealth, ...]  # to the broker
    receivers: tuple[PathHealth, ...]  # of the monitoring centre


def socket_of(storage: StorageSettings) -> Path:
    """Where the gateway on this database answers its own user."""
    return storage.beside.with_suffix(".socket")
