# SPDX-License-Identifier: Apache-2.0
"""amqtt with orderly take-overs: a band that lost its power is back before its connection ended.

amqtt 0.12.1 begins the new connection first; the end of the old one then marks the session they
share as away, and answers wait until the band connects once more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from amqtt.broker import Broker

from opaska_gateway.broker.urgent_first import UrgentFirst

if TYPE_CHECKING:
    from amqtt.contexts import BrokerConfig, ListenerConfig
    from amqtt.session import Session

ENDS_S = 2.0  # then amqtt may do it its own way
LOOK_EVERY_S = 0.005  # it sets no event


class OrderlyBroker(Broker):  # type: ignore[misc]  # amqtt has no types for mypy
    """Ends what a client left open, once the new connection has shown who it is; urgent first."""

    def __init__(self, config: BrokerConfig | dict[str, object]) -> None:
        super().__init__(config)
        assert hasattr(self, "_broadcast_queue"), "amqtt's queue has another name now"
        self._broadcast_queue = UrgentFirst()

    async def _authenticate(self, session: Session, _: ListenerConfig) -> bool:
        welcome: bool = await super()._authenticate(session, _)
        if welcome:
            await self._end_old_connection(session)
        return welcome

    async def _end_old_connection(self, session: Session) -> None:
        if session.client_id not in self._sessions or not session.transitions.is_connected():
            return
        await self._sessions[session.client_id][1].handle_connection_closed()
        try:
            async with asyncio.timeout(ENDS_S):
                while session.transitions.is_connected():  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            pass
