# SPDX-License-Identifier: Apache-2.0
"""What the keys of `opaska demo` promise to whoever watches, on a terminal of 80 columns."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from opaska_protocol import reports
from opaska_protocol.reports import decode_report, encode_report
from opaska_tools.demo.deeds import DEEDS
from opaska_tools.demo.journey import Journey
from opaska_tools.demo.play import Play
from opaska_tools.demo.screen import draw
from opaska_tools.demo.tales import PULSE, TALES
from opaska_tools.demo.told import told, visit_words
from opaska_tools.demo.wrist import Wrist
from opaska_tools.simulator.band import POWER_ON, SimulatedBand
from opaska_tools.simulator.records import Start
from opaska_tools.stage.gateway import Station
from opaska_tools.stage.registration import Registered, account_of
from opaska_tools.stage.scene import Worn
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import Any

    from opaska_tools.demo.tales import Tale

pytestmark = requires_program("micropython")

OPASKA = Path(sys.executable).with_name("opaska")
WAIT_S = 60.0
STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
KID = "00" * 8


class Terminal:
    """The demo in a terminal of its own."""

    def __init__(self, keys: int) -> None:
        self._keys = keys
        self._shown = ""
        self._news = asyncio.Event()

    def came(self) -> None:
        try:
            self._shown += os.read(self._keys, 65536).decode(errors="replace")
        except OSError:  # the demo has left
            asyncio.get_running_loop().remove_reader(self._keys)
        self._news.set()

    def type(self, key: str) -> None:
        self._shown = ""
        os.write(self._keys, key.encode())

    async def shows(self, pattern: str) -> None:
        """Until the screen shows it, since the last key."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not re.search(pattern, STYLES.sub("", self._shown)):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(
                f"no {pattern!r} in {STYLES.sub('', self._shown)[-2000:]}"
            ) from None


@asynccontextmanager
async def demo_in_a_terminal() -> AsyncGenerator[tuple[Terminal, asyncio.subprocess.Process]]:
    keys, terminal = pty.openpty()
    size = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm"}
    process = await asyncio.create_subprocess_exec(
        OPASKA, "demo", stdin=terminal, stdout=terminal, stderr=terminal, env=os.environ | size
    )
    os.close(terminal)
    loop = asyncio.get_running_loop()
    shown = Terminal(keys)
    loop.add_reader(keys, shown.came)
    try:
        yield shown, process
    finally:
        loop.remove_reader(keys)
        os.close(keys)
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_strap_zone_battery_and_card_are_followed_from_the_part_to_where_they_end() -> None:
    async with demo_in_a_terminal() as (terminal, process):
        await terminal.shows("leave")
        terminal.type("b")
        await terminal.shows("a low battery")
        terminal.type("2")
        await terminal.shows("account 10001")
        terminal.type("o")
        await terminal.shows(r"centre +\d+\.\d [\s\S]*wear +\d+\.\d +taken off")
        terminal.type("z")
        await terminal.shows(r"centre +\d+\.\d [\s\S]*zone +\d+\.\d +zone 1 left")
        await terminal.shows("She has left the zone")  # until then her hands are full
        terminal.type("k")
        await terminal.shows(r"who +\d+\.\d +Jan Kowalski at [\s\S]*; card verified")
        await terminal.shows(r"The visit has begun")
        terminal.type("1")
        await terminal.shows(r"a low battery[\s\S]*centre +\d+\.\d [\s\S]*accepted +\d+\.\d ")
        terminal.type("q")
        async with asyncio.timeout(WAIT_S):
            assert await process.wait() == 0


@pytest.mark.parametrize("tale", TALES, ids=[tale.title for tale in TALES])
async def test_every_tale_fits_80_columns_and_24_rows(tmp_path: Path, tale: Tale) -> None:
    play, wrist = _play_and_wrist(tmp_path)
    journey = play.journeys[KID] = Journey(0.0, tale)
    wrist.link_cut, wrist.is_charging, wrist.is_home = True, True, False
    for station in tale.stations:
        journey.passes(station, 3_600_000.0)
    console = Console(width=80, height=24)
    rows = console.render_lines(draw(play, [wrist, wrist], 0, "said"), pad=False)
    text = "\n".join("".join(part.text for part in row) for row in rows)
    assert len(rows) < 24
    assert "…" not in text  # nothing is cut off
    assert "said" in text


@pytest.mark.parametrize(
    ("measured", "pulse", "saturation"),
    [
        (
            {"heart_rate_bpm": 112, "spo2_percent": 96, "quality_percent": 84},
            "112 a minute, quality 84 %",
            "96 %, an orientation value",
        ),
        (
            {"quality_percent": 12},
            "none was good enough, quality 12 %",
            "none was good enough, an orientation value",
        ),
    ],
)
async def test_a_pulse_is_shown_with_its_quality_and_saturation_as_an_orientation_value(
    tmp_path: Path, measured: dict[str, Any], pulse: str, saturation: str
) -> None:
    play, _ = _play_and_wrist(tmp_path)
    journey = play.journeys[KID] = Journey(1_000.0, PULSE)
    station = Station("stored", KID, 1, 7, 31_000.0)
    body = encode_report(reports.VITALS, {"uptime_ms": 1, **measured})
    learnt = told(decode_report(body))
    assert learnt
    play.learn(station, learnt)
    assert (journey.words("pulse"), journey.words("saturation")) == (pulse, saturation)
    assert journey.elapsed_ms("pulse") == 30_000.0


def test_a_visit_is_shown_as_the_gateway_lists_it_and_with_the_test_of_the_band() -> None:
    visit = {
        "carer": "Anna Nowak",
        "person": "Wearer 0",
        "proof": "verified",
        "service": 1,
        "planned": {"minutes": 45},
        "from_ms": 0,
        "to_ms": None,
        "where": "",
    }
    words = visit_words(visit)
    assert words["who"] == "Anna Nowak at Wearer 0; card verified"
    assert words["what"] == "service 1, 45 minutes planned"
    assert " to " not in words["when"]
    assert "where" not in words, "it is not known yet"
    body = encode_report(
        reports.VISIT_TEST,
        {"uptime_ms": 1, "of_seq": 7, "battery_percent": 90, "broken": [reports.GNSS]},
    )
    learnt = told(decode_report(body))
    assert learnt
    assert learnt.words == {"test": "no answer, 90 %, gnss broken"}


def test_no_two_deeds_have_one_key() -> None:
    keys = [deed.key for deeds in DEEDS.values() for deed in deeds]
    assert len({*keys, "1", "2", "q"}) == len(keys) + 3


def _play_and_wrist(folder: Path) -> tuple[Play, Wrist]:
    band = SimulatedBand(folder / "band")
    band.state = "on"
    band.starts.append(Start(1.0, POWER_ON, 0))
    return Play(folder), Wrist(Worn(Registered(KID, 1, bytes(16), account_of(0)), band))
