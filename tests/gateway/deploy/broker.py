# SPDX-License-Identifier: Apache-2.0
"""A real Mosquitto with the files we ship, bands over TLS-PSK on MicroPython, and a gateway."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from opaska_gateway.broker.mosquitto import MosquittoPlan
from tests.support.requirements import program

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

ROOT = Path(__file__).parents[3]
BAND = ROOT / "tests" / "on_micropython" / "broker_band.py"
WAIT_S = 30

# What Debian's own mosquitto.conf says around conf.d.
DEBIAN = """\
pid_file {folder}/mosquitto.pid
persistence true
persistence_location {folder}/
log_dest file {folder}/mosquitto.log
include_dir {folder}/conf.d
user {user}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def until(condition: Callable[[], bool]) -> None:
    """Look at another process until it did something; it has no event for us."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Mosquitto:
    """The broker as a child process, on the files of a plan."""

    def __init__(self, plan: MosquittoPlan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.pid_file = folder / "mosquitto.pid"
        self._process: asyncio.subprocess.Process | None = None
        (folder / "conf.d").mkdir()
        (folder / "conf.d" / "opaska.conf").symlink_to(plan.folder / "opaska.conf")
        (folder / "mosquitto.conf").write_text(
            DEBIAN.format(folder=folder, user=getpass.getuser()), encoding="utf-8"
        )

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            program("mosquitto"),
            "-c",
            self.folder / "mosquitto.conf",
            stderr=asyncio.subprocess.STDOUT,
            stdout=asyncio.subprocess.DEVNULL,
        )
        await until(self._listens)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self.log
        with socket.socket() as probe:
            return not probe.connect_ex(("127.0.0.1", self.plan.gateway_port))

    @property
    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text(encoding="utf-8")


class PskBand:
    """The band's MQTT client under MicroPython; `event` awaits what it says."""

    def __init__(
        self,
        port: int,
        kid: str,
        key: bytes,
        *,
        client_id: str | None = None,
        subscriptions: tuple[str, ...] = (),
        will: tuple[str, str] | None = None,
    ) -> None:
        self._plan: dict[str, Any] = {
            "port": port,
            "identity": kid,
            "key": key.hex(),
            "client_id": client_id or kid,
            "username": kid,
            "subscriptions": subscriptions,
        } | ({"will": will} if will else {})  # MicroPython takes no argument of over 255 bytes
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        path = os.pathsep.join([str(ROOT / "firmware"), str(ROOT / "shared_protocol"), ".frozen"])
        self._process = await asyncio.create_subprocess_exec(
            program("micropython"),
            BAND,
            json.dumps(self._plan),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "MICROPYPATH": path},
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()

    async def up(self) -> None:
        """Return when it is connected and its subscriptions stand."""
        await self.event("up")
        await self.publish("behind/the/subscriptions", b"")  # acknowledged after them, and dropped

    async def publish(self, topic: str, data: bytes) -> None:
        """Return at PUBACK."""
        await self.send(topic, data)
        assert await self.event("acked") == [topic]

    async def send(self, topic: str, data: bytes) -> None:
        """Hand it to the client, and do not wait."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([topic, data.hex()]).encode() + b"\n")
        await self._process.stdin.drain()

    async def event(self, name: str) -> list[Any]:
        """The values of the next event, which must have this name."""
        said, *values = await self.anything()
        assert said == name, (said, values)
        return values

    async def anything(self) -> list[Any]:
        """The next event."""
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(WAIT_S):
            while not (line := await self._process.stdout.readline()).startswith(b"["):
                assert line, "it ended"  # else what it says to a bench
        said: list[Any] = json.loads(line)
        return said


class Client:
    """An MQTT client with a name and a password, as the gateway is one."""

    def __init__(self, username: str | None, password: str | None, session: str = "") -> None:
        """`session` names a session that the broker keeps while we are away."""
        self.messages: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._said: asyncio.Queue[str] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._paho = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=session,
            clean_session=not session,
            protocol=mqtt.MQTTv311,
        )
        if username is not None:
            self._paho.username_pw_set(username, password)
        self._paho.on_connect = self._on_connect
        self._paho.on_subscribe = self._on_subscribe
        self._paho.on_publish = self._on_publish
        self._paho.on_message = self._on_message

    async def connect(self, port: int) -> str:
        """The broker's answer, such as "Success"."""
        self._paho.connect("127.0.0.1", port)
        self._paho.loop_start()
        return await self.said()

    async def subscribe(self, topic: str) -> None:
        self._paho.subscribe(topic, qos=1)
        assert await self.said() == "Granted QoS 1"

    async def publish(self, topic: str, data: bytes) -> None:
        """Return at PUBACK."""
        self._paho.publish(topic, data, qos=1)
        assert await self.said() == "acked"

    async def message(self) -> tuple[str, bytes]:
        async with asyncio.timeout(WAIT_S):
            return await self.messages.get()

    async def said(self) -> str:
        async with asyncio.timeout(WAIT_S):
            return await self._said.get()

    def close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()

    def _on_connect(self, _client: object, _data: object, *result: Any) -> None:
        self._say(str(result[1]))

    def _on_subscribe(self, _client: object, _data: object, *result: Any) -> None:
        self._say(str(result[1][0]))

    def _on_publish(self, *_: Any) -> None:
        self._say("acked")

    def _say(self, words: str) -> None:
        self._loop.call_soon_threadsafe(self._said.put_nowait, words)

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        arrived = (message.topic, bytes(message.payload))
        self._loop.call_soon_threadsafe(self.messages.put_nowait, arrived)
