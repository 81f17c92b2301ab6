# SPDX-License-Identifier: Apache-2.0
"""One clock for boards and event loops: nobody is ever early, late or left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from opaska_tools.simulator import virtual_loop
from opaska_tools.simulator.clock import NEVER, VIRTUAL_EPOCH_S, ClockService
from opaska_tools.simulator.link import LinkProxy
from tests.hardware.conftest import halted, needs_micropython
from tests.hardware.test_network import echo_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from tests.hardware.conftest import Boards

DAY_S = 86_400
DAY_MS = DAY_S * 1000


class OtherLoop:
    """A virtual loop in a thread, as a gateway's in its process."""

    def __init__(self, clock: ClockService, main: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._clock = clock
        self._main = main
        self._home = asyncio.get_running_loop()
        self._done: asyncio.Future[Any] = self._home.create_future()

    async def result(self) -> Any:
        """What it comes to, letting time pass meanwhile."""
        thread = threading.Thread(target=self._run)
        thread.start()
        await self._clock.joined("other loop")
        try:
            return await self._clock.wait_for(self._done, 10 * DAY_MS)
        finally:
            await asyncio.to_thread(thread.join)

    def _run(self) -> None:
        virtual_loop.run(self._tell(), self._clock.address, "other loop")

    async def _tell(self) -> None:
        try:
            result = await self._main()
            self._home.call_soon_threadsafe(self._done.set_result, result)
        except BaseException as error:
            self._home.call_soon_threadsafe(self._done.set_exception, error)


@needs_micropython
async def test_a_week_on_the_board_and_on_a_loop_is_the_same_week(board: Boards) -> None:
    async def week() -> list[float]:
        times: list[float] = []
        for _ in range(7):
            await asyncio.sleep(DAY_S)
            times.append(asyncio.get_running_loop().time())
        return times

    async with ClockService() as clock, board("week", on=False, virtual_clock=clock) as band:
        other = OtherLoop(clock, week)
        joining = asyncio.create_task(other.result())
        await band.start()
        lines = await halted(band, 8 * DAY_S)
        times = await joining
    assert lines[:7] == [f"day {day} {day * DAY_S} 0" for day in range(1, 8)]
    assert lines[7] == "done 2010"
    start_ms = band.starts[0].t_ms
    assert [round(at * 1000 - times[0] * 1000) for at in times] == [
        day * DAY_MS for day in range(7)
    ]
    assert start_ms < DAY_MS


@needs_micropython
async def test_a_press_in_virtual_time_lasts_exactly(board: Boards) -> None:
    async with ClockService() as clock, board("pins", virtual_clock=clock) as band:
        await band.wait_log("ready")
        press = await band.press(500)
        await band.wait_log("only rising")
        again = await band.press(1234)
        await band.hold_pin(21, 0)
        assert (await halted(band))[-1] == "done"
    assert press.up_ms - press.down_ms == 500
    assert again.up_ms - again.down_ms == 1234


@needs_micropython
async def test_a_wrap_of_the_ticks_is_slept_through(board: Boards) -> None:
    first_ticks_ms = (1 << 30) - 12 * 3_600_000  # half a day before the wrap
    async with ClockService() as clock:
        async with board("wrap", virtual_clock=clock, first_ticks_ms=first_ticks_ms) as band:
            assert (await halted(band, 2 * DAY_S))[-1] == "wraps 1"
        assert clock.now_ms() == DAY_MS


@needs_micropython
async def test_time_stands_still_while_nobody_waits_for_it(board: Boards) -> None:
    async with ClockService() as clock, board("week", virtual_clock=clock):
        await clock.sleep(1000)
        before = clock.now_ms()
        await asyncio.sleep(0.1)
        assert clock.now_ms() == before == 1000
        with pytest.raises(TimeoutError):
            await clock.wait_for(asyncio.get_running_loop().create_future(), 5000)
        assert clock.now_ms() == 6000


@needs_micropython
async def test_watchdog_and_deep_sleep_follow_virtual_time(board: Boards) -> None:
    async with ClockService() as clock, board("power", virtual_clock=clock) as band:
        await band.wait_log("start 2 ")
        assert band.starts[2].t_ms - band.starts[1].t_ms == 1000  # the watchdog's time
        await band.wait_log("start 4 ", 100)
        assert band.starts[4].t_ms - band.starts[3].t_ms == 200


async def test_a_loop_in_virtual_time_keeps_its_timers_in_order() -> None:
    async def main() -> list[tuple[str, int]]:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        seen: list[tuple[str, int]] = []

        async def note(name: str, s: float) -> None:
            await asyncio.sleep(s)
            seen.append((name, round((loop.time() - begin) * 1000)))

        async with asyncio.TaskGroup() as group:
            group.create_task(note("day", DAY_S))
            group.create_task(note("ms", 0.002))
            group.create_task(note("fraction", 0.0004))
            group.create_task(note("hour", 3600))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 7 * DAY_S)
        seen.append(("week", round((loop.time() - begin) * 1000)))
        await asyncio.to_thread(time.sleep, 0.05)
        assert round((loop.time() - begin) * 1000) == seen[-1][1], "time passed during work"
        assert isinstance(loop, virtual_loop.VirtualLoop)
        assert loop.now_ms() == VIRTUAL_EPOCH_S * 1000 + round(loop.time() * 1000)
        return seen

    async with ClockService() as clock:
        seen = await OtherLoop(clock, main).result()
    assert seen == [
        ("fraction", 1),
        ("ms", 2),
        ("hour", 3_600_000),
        ("day", DAY_MS),
        ("week", 8 * DAY_MS),
    ]


@asynccontextmanager
async def slow_echo(delay_ms: float) -> AsyncGenerator[tuple[ClockService, LinkProxy]]:
    """Virtual time, and an echo behind a link."""
    async with (
        ClockService() as clock,
        echo_server() as address,
        LinkProxy(address, clock) as link,
    ):
        clock.watch(link)
        link.slow(delay_ms=delay_ms)
        yield clock, link


async def test_time_does_not_move_while_bytes_are_under_way() -> None:
    async with slow_echo(0) as (clock, link):

        async def main() -> list[float]:
            loop = asyncio.get_running_loop()
            reader, writer = await asyncio.open_connection(*link.address)
            times: list[float] = []
            for _ in range(20):
                begin = loop.time()
                writer.write(b"ping")
                await asyncio.wait_for(reader.readexactly(4), 1)
                times.append(loop.time() - begin)
                await asyncio.sleep(600)
            writer.close()
            return times

        assert await OtherLoop(clock, main).result() == [0.0] * 20


async def test_a_slow_link_takes_virtual_time() -> None:
    async with slow_echo(700) as (clock, link):

        async def main() -> float:
            reader, writer = await asyncio.open_connection(*link.address)
            writer.write(b"ping")
            begin = asyncio.get_running_loop().time()
            await reader.readexactly(4)
            writer.close()
            return asyncio.get_running_loop().time() - begin

        assert await OtherLoop(clock, main).result() == 1.4


async def test_an_answer_that_never_comes_does_not_stop_time() -> None:
    class Debtor:
        activity = 0
        pending = 1
        on_activity: Callable[[], None] | None = None

    async with ClockService() as clock:
        clock.watch(Debtor())
        began = time.monotonic()
        await clock.sleep(10)
        assert time.monotonic() - began > 0.5
        assert clock.now_ms() == 10


async def test_alarms_ring_in_order_and_can_be_taken_back() -> None:
    async with ClockService() as clock:
        rung: list[int] = []
        for number, ms in enumerate((300, 100, 200, 200)):
            alarm = clock.call_later(ms, lambda n=number: rung.append(n))  # type: ignore[misc]
            if number == 2:
                alarm.cancel()
        await clock.sleep(250)
        assert rung == [1, 3]
        await clock.sleep(250)
        assert rung == [1, 3, 0]


async def test_an_old_report_is_not_taken_for_a_new_one() -> None:
    async with ClockService() as clock:
        member = clock.join("late answerer")
        told: list[tuple[int, int]] = []

        def tell(now_ms: int, token: int) -> None:
            told.append((now_ms, token))
            member.report(5, token - 1)
            assert not member.at_rest
            asyncio.get_running_loop().call_later(0.02, member.report, NEVER, token)

        member.tell = tell
        await clock.sleep(50)
    assert told[-1][0] < 50
