# SPDX-License-Identifier: Apache-2.0
"""Intake by MQTT: two connections, so that an SOS never queues behind telemetry.

What came is acknowledged to the broker (PUBACK) when its outcome is decided. Answers to alarms go
out at QoS 1, so that the broker keeps them for a band that is just away; answers to telemetry at
QoS 0, at a third of the cost: a band that misses one sends its report again.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from opaska_gateway import clock
from opaska_gateway.intake.arrival import Arrival
from opaska_gateway.intake.mqtt_link import LinkHealth, MqttLink

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from paho.mqtt.client import MQTTMessage

    from opaska_gateway.context import Context
    from opaska_gateway.pipeline import Pipeline

URGENT_TOPIC: Final = "up/+/a"
TELEMETRY_TOPIC: Final = "up/+/t"
TOPIC: Final = re.compile(r"up/([0-9a-f]{16})/[at]")
MAX_UNDECIDED: Final = 2_000  # arrivals of one connection without an outcome: about 2 MB


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """Where the broker is and how to sign in."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None


class MqttIntake:
    """Both connections; also the way down for answers. `ready` is set when both were up once."""

    def __init__(
        self,
        context: Context,
        pipeline: Pipeline,
        address: MqttAddress,
        client_id: str = "opaska-gateway",
    ) -> None:
        self.ready = asyncio.Event()
        self._pipeline = pipeline
        self._address = address
        self._urgent = self._link(f"{client_id}-urgent", URGENT_TOPIC, urgent=True)
        self._telemetry = self._link(f"{client_id}-telemetry", TELEMETRY_TOPIC, urgent=False)
        self._undecided = {True: 0, False: 0}  # by urgent
        context.replies.publish = self._publish

    async def run(self) -> None:
        """Stay connected, for ever."""
        async with asyncio.TaskGroup() as group:
            for link in (self._urgent, self._telemetry):
                group.create_task(link.run(self._address.host, self._address.port))
            await self._urgent.up.wait()
            await self._telemetry.up.wait()
            self.ready.set()

    @property
    def hears(self) -> bool:
        """Whether a word of a band would come in now."""
        return self._urgent.up.is_set() and self._telemetry.up.is_set()

    def health(self) -> tuple[LinkHealth, LinkHealth]:
        """How both are doing."""
        return self._urgent.health("urgent"), self._telemetry.health("telemetry")

    def _link(self, client_id: str, topic: str, *, urgent: bool) -> MqttLink:
        link = MqttLink(client_id, topic, partial(self._came, urgent=urgent))
        address = self._address
        if address.username is not None:
            link.sign_in(address.username, address.password)
        if address.tls is not None:
            link.protect(address.tls)
        return link

    def _came(
        self, message: MQTTMessage, acknowledge: Callable[[], None], *, urgent: bool
    ) -> None:
        topic = TOPIC.fullmatch(message.topic)
        if topic is None:  # "+" also matches what is no kid: not from a band
            acknowledge()
            return
        self._undecided[urgent] += 1
        if self._undecided[urgent] >= MAX_UNDECIDED:
            (self._urgent if urgent else self._telemetry).pause()
        arrival = Arrival(
            topic[1],
            bytes(message.payload),
            "mqtt",
            urgent=urgent,
            received_ms=clock.now_ms(),
            done=partial(self._decided, acknowledge, urgent),
        )
        self._pipeline.submit(arrival)

    def _decided(self, acknowledge: Callable[[], None], urgent: bool) -> None:
        acknowledge()
        self._undecided[urgent] -= 1
        if self._undecided[urgent] == MAX_UNDECIDED // 2:
            (self._urgent if urgent else self._telemetry).resume()

    def _publish(self, kid_hex: str, frame: bytes, keep: bool) -> None:
        link = self._urgent if keep else self._telemetry
        link.publish(f"dn/{kid_hex}", frame, 1 if keep else 0)
