# SPDX-License-Identifier: Apache-2.0
"""How the gateway reaches its broker, whichever kind it is."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opaska_gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from opaska_gateway.settings import BrokerSettings

PASSWORD_VARIABLE = "OPASKA_BROKER_PASSWORD"  # noqa: S105 - a name, not a password


@dataclass(frozen=True)
class BrokerAccess:
    """Address and identity of the gateway at its broker."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)


@asynccontextmanager
async def reach_broker(settings: BrokerSettings) -> AsyncGenerator[BrokerAccess]:
    """Run the embedded broker, or name the one that runs beside us."""
    if settings.kind == "embedded":
        from opaska_gateway.broker.embedded import embedded_broker

        async with embedded_broker(settings.host, settings.port, settings.username) as access:
            yield access
    else:
        password = mosquitto_password(settings)
        yield BrokerAccess(settings.host, settings.port, settings.username, password)


def mosquitto_password(settings: BrokerSettings) -> str:
    """The gateway's password, from the environment or the file."""
    given = os.environ.get(PASSWORD_VARIABLE)
    if given:
        return given
    path = settings.password_file
    if path is None:
        raise ConfigurationError(
            "settings: broker.password_file: it is missing; write the path of the file with the "
            f"gateway's password, or set {PASSWORD_VARIABLE}"
        )
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path}: broker.password_file: cannot be read ({error}); "
            "write the path of the file that `opaska broker files` made"
        ) from None
