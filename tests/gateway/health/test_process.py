# SPDX-License-Identifier: Apache-2.0
"""The running gateway says how it is, and nothing else is taken for it: no file, no other one."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import stat
from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway import clock, service
from opaska_gateway.broker.embedded import embedded_broker
from opaska_gateway.centre.dc09 import Frame, decode, encode
from opaska_gateway.errors import ConfigurationError
from opaska_gateway.health import process
from opaska_gateway.health.answer import answering
from opaska_gateway.health.line import Line
from opaska_gateway.health.told import VERSION, Told
from opaska_gateway.intake import reconnect
from opaska_gateway.pipeline import Pipeline
from opaska_tools.stage.ports import free_port
from tests.gateway.centre.peers import a_receiver
from tests.gateway.service.process import Serve
from tests.support.gateway_core import Later

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opaska_gateway.context import Context
    from tests.gateway.health.conftest import Gateway

QUIET = Told(version=VERSION, process_id=1, for_s=0.0, sick=None, links=(), receivers=())
WELL = """
[broker]
port = 0
[[centre.receiver]]
name = "main"
host = "127.0.0.1"
port = 7700
supervision = "off"
"""


def asked(file: Path) -> Line:
    """What is said of the gateway itself."""
    return next(process.of_process(file, clock.now_ms()))


async def ask(file: Path) -> Line:
    """While the gateway runs in this process."""
    return await asyncio.to_thread(asked, file)


async def test_a_gateway_that_hangs_or_was_killed_is_not_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "var" / "opaska.socket"
    assert asked(file).state == "not running"
    async with Serve(tmp_path, WELL) as gateway:
        assert (await gateway.command("status")).startswith("opaska\twell\t")
        running = asked(file)
        assert (running.state, running.todo) == ("running", "")
        assert f"process id {gateway.process.pid}" in running.detail
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        with monkeypatch.context() as patience:
            patience.setattr(process, "ANSWER_S", 0.2)  # it will never answer
            states: list[object] = []
            while "hangs" not in states and len(states) < 20:  # `make stalls` lets it go on again
                gateway.process.send_signal(signal.SIGSTOP)
                states.append(asked(file).state)
            assert states[-1] == "hangs"
        gateway.process.send_signal(signal.SIGCONT)
        assert asked(file).state == "running"
        gateway.process.kill()
        await gateway.ended()
        killed = asked(file)
        assert (killed.state, killed.detail) == ("not running", "it ended without a good-bye")
        assert "start it" in killed.todo


@pytest.mark.parametrize("garbage", [b"", b"{}", b'{"version":"0.1.0","proc', b"\xff\n" * 2000])
async def test_garbage_and_half_an_answer_are_no_gateway_that_is_well(
    tmp_path: Path, garbage: bytes
) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        writer.close()

    file = tmp_path / "opaska.socket"
    async with await asyncio.start_unix_server(answer, file):
        line = await ask(file)
    assert (line.state, line.detail) == ("not known", "its answer makes no sense here")
    assert "restart it" in line.todo


def test_whoever_asks_after_many_in_vain_is_told_that_it_hangs(tmp_path: Path) -> None:
    file = tmp_path / "opaska.socket"
    with socket.socket(socket.AF_UNIX) as hung, socket.socket(socket.AF_UNIX) as in_vain:
        hung.bind(str(file))
        hung.listen(0)  # and nobody accepts
        in_vain.connect(str(file))
        assert asked(file).state == "hangs"


@pytest.mark.parametrize("blocked_by", ["a file", "a folder", "no folder", "its length"])
async def test_a_socket_that_cannot_be_made_stops_no_gateway(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], blocked_by: str
) -> None:
    names = {"no folder": "none/opaska.socket", "its length": "x" * 120}
    file = tmp_path / names.get(blocked_by, "opaska.socket")
    if blocked_by == "a folder":
        file.mkdir()
    elif blocked_by == "a file":
        file.write_text("the database, perhaps", encoding="utf-8")
    async with answering(file, lambda: QUIET):
        line = await ask(file)
        assert line.state in ("not running", "not known")
        assert line.todo
    assert "cannot_be_asked" in capsys.readouterr().out
    assert file.exists() == (blocked_by in ("a file", "a folder"))


async def test_what_a_killed_gateway_left_is_replaced_and_another_version_is_told(
    tmp_path: Path,
) -> None:
    file = tmp_path / "opaska.socket"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(file))
    assert asked(file).state == "not running"
    older = QUIET.model_copy(update={"version": "0.0.9"})
    async with answering(file, lambda: older):
        line = await ask(file)
        assert (line.state, "version 0.0.9" in line.detail) == ("running", True)
        assert line.todo.endswith(f"this is version {VERSION}")
    assert not file.exists()


async def test_a_failure_of_ours_while_it_answers_is_told_and_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> Told:
        raise KeyError("planted")

    file = tmp_path / "opaska.socket"
    async with answering(file, fail):
        assert (await ask(file)).state == "not known"
        assert (await ask(file)).state == "not known"
    assert capsys.readouterr().out.count("not_answered") == 2


async def test_a_clock_that_is_set_moves_no_age(tmp_path: Path) -> None:
    """The gateway tells for how long, by a clock that nobody sets."""
    file = tmp_path / "opaska.socket"
    told = QUIET.model_copy(update={"for_s": 60.0})
    async with answering(file, lambda: told):
        for by_ms in (0, -86_400_000, 86_400_000):
            with clock.driven_by(Later(by_ms)):
                since_ms = (await ask(file)).since_ms
                assert abs(clock.now_ms() - (since_ms or 0) - 60_000) < 30_000


async def test_broker_and_receivers_are_named_while_they_are_away_and_back(
    new_gateway: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnect, "LAST_S", 0.2)
    monkeypatch.setattr(secrets, "token_urlsafe", _known)  # of each broker
    monkeypatch.setenv("OPASKA_BROKER_PASSWORD", "known")
    port = free_port()
    async with a_receiver(_yes) as peer:
        gateway = new_gateway(
            broker={"kind": "mosquitto", "port": port},
            centre={"receiver": [_receiver("main", free_port()), _receiver("backup", peer.port)]},
        )
        async with gateway.running(ready=False):
            await gateway.becomes("receiver main", "down")
            await gateway.becomes("receiver backup", "up")
            lines = await gateway.lines()
            assert lines["opaska"].state == "needs a human"
            assert lines["opaska"].detail == "broker urgent, broker telemetry, receiver main"
            assert "start it" in lines["broker urgent"].todo
            assert "call the centre" in lines["receiver main"].todo
            for _ in range(2):
                async with embedded_broker("127.0.0.1", port, "opaska-gateway"):
                    await gateway.becomes("broker urgent", "connected")
                    assert (await gateway.becomes("broker telemetry", "connected")).todo == ""
                lost = await gateway.becomes("broker urgent", "not connected")
                assert lost.detail
                assert lost.todo


async def test_a_gateway_with_all_it_needs_is_well(new_gateway: Callable[..., Gateway]) -> None:
    async with a_receiver(_yes) as peer:
        gateway = new_gateway(centre={"receiver": [_receiver("main", peer.port)]})
        async with gateway.running():
            await gateway.becomes("receiver main", "up")
            assert (await gateway.lines())["opaska"] == Line("opaska", "well")


async def test_a_second_gateway_is_refused_and_takes_no_answer_from_the_first(
    new_gateway: Callable[..., Gateway],
) -> None:
    first, other = new_gateway("one"), new_gateway("other")
    async with first.running():
        with pytest.raises(ConfigurationError, match="runs on it"):
            await service.serve(first.settings, asyncio.Event())
        assert (await first.lines())["gateway"].state == "running"
        assert (await other.lines())["gateway"].state == "not running"
        assert (await first.lines())["receivers"].todo  # alarms would reach nobody


async def test_a_full_disk_is_told_while_the_gateway_runs(
    new_gateway: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipelines: list[Pipeline] = []

    class Seen(Pipeline):
        def __init__(self, context: Context) -> None:
            super().__init__(context)
            pipelines.append(self)

    monkeypatch.setattr(service, "Pipeline", Seen)
    gateway = new_gateway()
    async with gateway.running():
        pipelines[0]._note_sick("the disk is full", "planted")
        line = await gateway.becomes("storing", "stands still")
        assert line.detail == "the disk is full"
        assert "make room" in line.todo
        pipelines[0]._note_well()
        assert "storing" not in await gateway.lines()


def _receiver(name: str, port: int) -> dict[str, Any]:
    where = {"name": name, "host": "127.0.0.1", "port": port, "account": "77AA"}
    return {**where, "allow_plain": True, "supervision_s": 1.0, "timeout_s": 30.0}


def _known(_: int) -> str:
    return "known"


def _yes(raw: bytes) -> bytes:
    frame = decode(raw)
    return encode(Frame("ACK", frame.seq, frame.account))
