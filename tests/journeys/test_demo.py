# SPDX-License-Identifier: Apache-2.0
"""What `make demo` and the SOS benchmark promise to whoever runs them without a terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from opaska_tools.demo.journey import Journey
from opaska_tools.demo.play import Play
from opaska_tools.demo.screen import draw
from opaska_tools.demo.tales import SOS
from opaska_tools.demo.wrist import Wrist
from opaska_tools.simulator.band import POWER_ON, SimulatedBand
from opaska_tools.simulator.records import Note, Start
from opaska_tools.stage.registration import Registered, account_of
from opaska_tools.stage.scene import Worn
from tests.support.requirements import requires_program

pytestmark = requires_program("micropython")

OPASKA = Path(sys.executable).with_name("opaska")
LONGEST_S = 120


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPASKA, *words],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )


def test_demo_once_prints_every_station_and_leaves_no_child_behind() -> None:
    before = {process.pid for process in psutil.process_iter()}
    done = run("demo", "--once")
    assert done.returncode == 0, done.stderr
    *stations, last = done.stdout.splitlines()
    assert [line.split("\t")[0] for line in stations] == list(SOS.stations)
    assert all(float(line.split("\t")[1]) >= 0 for line in stations)
    assert last.startswith("journey ok ")
    assert int(last.removeprefix("journey ok ")) > 0
    ours = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if process.pid not in before
        and any("opaska-demo-" in word for word in process.info["cmdline"] or ())
    ]
    assert not ours


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_demo_that_is_ended_leaves_no_child_and_no_file_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [OPASKA, "demo", "--once"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as demo:
        assert demo.stderr is not None
        while "bands" not in demo.stderr.readline():
            assert demo.poll() is None
        children = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(number)
        assert demo.wait(LONGEST_S) == 1
    assert children
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert not list(tmp_path.iterdir())


def test_a_journey_names_the_station_where_it_stopped() -> None:
    journey = Journey(1000.0)
    for at_ms, station in enumerate(list(SOS.stations)[:5], 1000):
        journey.passes(station, at_ms)
    assert journey.missing() == list(SOS.stations)[5]
    assert not journey.arrived.is_set()


async def test_the_live_screen_fits_80_columns_and_24_rows(tmp_path: Path) -> None:
    play, wrist = _play_and_wrist(tmp_path)
    journey = play.journeys[wrist.kid] = Journey(0.0)
    for station in SOS.stations:
        journey.passes(station, 3_600_000.0)  # after an hour without a link
    for name in ("working", "stored", "accepted", "taken", "closed", "not_sent"):
        wrist.worn.band.notes.append(Note(2.0, name))
        assert wrist.feels == name
        console = Console(width=80, height=24)
        rows = console.render_lines(draw(play, [wrist, wrist], 0, "said"), pad=False)
        text = "\n".join("".join(part.text for part in row) for row in rows)
        assert len(rows) < 24
        assert "…" not in text  # nothing is cut off
        assert "q  leave" in text
        assert "said" in text


async def test_a_press_in_a_taken_case_does_not_borrow_the_times_of_the_next(
    tmp_path: Path,
) -> None:
    play, wrist = _play_and_wrist(tmp_path)
    play.scene.worn.append(wrist.worn)
    play.follow()
    felt = wrist.worn.band.on_felt
    assert felt is not None
    felt(Note(1_000.0, "hold"))
    first = play.journeys[wrist.kid]
    for station in ("received", "verified", "stored", "forwarded", "centre", "accepted"):
        first.passes(station, 1_600.0)  # no case is opened, and the wrist feels "taken"
    felt(Note(9_000.0, "hold"))
    felt(Note(9_510.0, "working"))
    assert first.elapsed_ms("working_felt") is None
    assert play.journeys[wrist.kid].elapsed_ms("working_felt") == 10.0


async def test_the_live_screen_forgets_what_the_wrist_felt_before_its_power_went(
    tmp_path: Path,
) -> None:
    _, wrist = _play_and_wrist(tmp_path)
    wrist.worn.band.notes.append(Note(2.0, "accepted"))
    assert wrist.feels == "accepted"
    wrist.worn.band.starts.append(Start(3.0, POWER_ON, 0))
    assert wrist.feels == ""


def _play_and_wrist(folder: Path) -> tuple[Play, Wrist]:
    band = SimulatedBand(folder / "band")
    band.state = "on"
    band.starts.append(Start(1.0, POWER_ON, 0))
    return Play(folder), Wrist(Worn(Registered("00" * 8, 1, bytes(16), account_of(0)), band))


def test_sos_bench_loses_and_doubles_nothing() -> None:
    done = run("bench", "sos", "--count", "4", "--bands", "2", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["count"], figures["lost"], figures["doubled"]) == (4, 0, 0)
    for name in ("stored_ms", "centre_ms"):
        assert 0 < figures[name]["p50"] <= figures[name]["p99"] <= figures[name]["max"]
