# SPDX-License-Identifier: Apache-2.0
"""What `make demo` and the SOS benchmark promise to whoever runs them without a terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil

from opaska_tools.demo.journey import STATIONS, Journey
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
    assert [line.split("\t")[0] for line in stations] == list(STATIONS)
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


def test_a_journey_names_the_station_where_it_stopped() -> None:
    journey = Journey(1000.0)
    for at_ms, station in enumerate(list(STATIONS)[:5], 1000):
        journey.passes(station, at_ms)
    assert journey.missing() == list(STATIONS)[5]
    assert not journey.arrived.is_set()


def test_sos_bench_loses_and_doubles_nothing() -> None:
    done = run("bench", "sos", "--count", "4", "--bands", "2", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["count"], figures["lost"], figures["doubled"]) == (4, 0, 0)
    for name in ("stored_ms", "centre_ms"):
        assert 0 < figures[name]["p50"] <= figures[name]["p99"] <= figures[name]["max"]
