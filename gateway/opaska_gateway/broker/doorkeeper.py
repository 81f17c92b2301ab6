# SPDX-License-Identifier: Apache-2.0
"""Who may do what at the embedded broker; the same rules as Mosquitto's in gateway/deploy.

A band's user name, client id and topics carry its kid. Being on this machine is its only proof:
the reports are sealed anyway. Only the gateway, with its password, sees the topics of all bands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hmac import compare_digest
from typing import cast

from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BasePlugin, BaseTopicPlugin
from amqtt.session import Session

KID = re.compile(r"[0-9a-f]{16}")


class Doorkeeper(BaseAuthPlugin, BaseTopicPlugin):  # type: ignore[misc] # amqtt has no types
    """Lets bands to their own topics and the gateway to all."""

    @dataclass
    class Config(BasePlugin.Config):  # type: ignore[misc]
        """The gateway's identity, given by embedded.py."""

        username: str = ""
        password: str = ""

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._gateway = cast("Doorkeeper.Config", context.config)

    async def authenticate(self, *, session: Session) -> bool:
        """A band whose client id is its user name, or the gateway with its password."""
        if session.username == self._gateway.username:
            given = (session.password or "").encode()
            return compare_digest(given, self._gateway.password.encode())
        name = session.username or ""
        return bool(KID.fullmatch(name)) and session.client_id == name

    async def topic_filtering(
        self,
        *,
        session: Session | None = None,
        topic: str | None = None,
        action: Action | None = None,
    ) -> bool:
        """Bands write up/<own kid>/a and /t and read dn/<own kid>; the gateway the reverse."""
        if session is None or topic is None:
            return False
        if session.username == self._gateway.username:
            return topic.startswith("dn/" if action is Action.PUBLISH else "up/")
        if action is Action.PUBLISH:
            return topic in (f"up/{session.username}/a", f"up/{session.username}/t")
        return topic == f"dn/{session.username}"
