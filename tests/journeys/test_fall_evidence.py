# SPDX-License-Identifier: Apache-2.0
"""A recorded fall is felt, raised and closed by a human; the motion that the gateway has of it is
the recording, and becomes a labelled recording of its own. In virtual time, with everything real.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from typer.testing import CliRunner

from opaska_protocol import reports
from opaska_protocol.motion import RATE_HZ, STEP_MG
from opaska_tools.body_model import shipped
from opaska_tools.cli import app
from opaska_tools.falls.recordings import read_index
from opaska_tools.simulator.clock import VIRTUAL_EPOCH_S
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = requires_program("micropython")

FALL = shipped("fall_and_lie")
CHIP_HZ = 52
HOLD_MS = 500  # until a press is an SOS
RECEIVED = "SELECT received_ms FROM event WHERE report_type = ?"
NOISE_MG = 3  # of the chip, 0.6 rms, and of its whole numbers
NAME = "Wearer 0"  # of the virtual scene


def done(*words: str) -> str:
    """What `opaska` prints; it must end well."""
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.stdout


async def fallen(folder: Path) -> str:
    """Let a wearer fall and lie; the gateway's settings file."""
    async with virtual_scene(folder) as scene:
        await scene.clock.run_for(15_000)
        await scene.band.wear(FALL)
        await scene.clock.run_for(120_000)
        return str(scene.gateway.config_file)


def test_motion_at_the_gateway_is_the_recording_and_a_human_labels_it(tmp_path: Path) -> None:
    config = asyncio.run(fallen(tmp_path))
    (case,) = json.loads(done("cases", "list", "--json", "--config", config))
    (shown,) = json.loads(done("cases", "show", case["id"], "--json", "--config", config))["falls"]
    assert (shown["state"], shown["missing"]) == ("raised", "")
    told = done("cases", "show", case["id"], "--config", config).splitlines()
    assert [line for line in told if line.startswith("kinds\tfall")]
    assert any(line.startswith("falls\t") and "state raised" in line for line in told)
    done("cases", "take", case["id"], "--config", config)
    ending = ("--outcome", "helped", "--fall", "yes")
    done("cases", "close", case["id"], *ending, "--config", config)
    out = tmp_path / "labelled"
    assert "1 falls, 0 that were none" in done(
        "falls", "relabel", "--config", config, "--out", str(out)
    )
    (recording,) = read_index(out)
    assert (recording.dataset, recording.subject, recording.is_fall) == ("field", "S001", True)
    assert not recording.flagged
    rows = recording.read().astype(float)
    assert len(rows) == 30 * RATE_HZ
    assert off_mg(rows) <= STEP_MG / 2 + NOISE_MG
    assert not [file for file in out.rglob("*") if file.is_file() and holds_a_name(file)]
    figures = json.loads(done("falls", "evaluate", str(out), "--json", "--jobs", "1"))
    assert figures["sets"]["field"]["falls"] == 1


async def test_an_sos_does_not_wait_behind_the_motion_of_a_fall(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(15_000)
        await scene.band.wear(FALL)
        await scene.band.wait_note("stored", 90)
        await scene.clock.run_for(2_000)
        pressed = await scene.band.press(600)
        await scene.clock.run_for(30_000)
        ((sos_ms,),) = scene.rows(RECEIVED + " AND alarm_kind = ?", reports.ALARM, reports.SOS)
        motion_ms = [ms for (ms,) in scene.rows(RECEIVED, reports.MOTION)]
    assert min(motion_ms) < sos_ms < max(motion_ms), "pressed while motion was on its way"
    assert sos_ms - VIRTUAL_EPOCH_S * 1000 - (pressed.down_ms + HOLD_MS) <= 150


def off_mg(rows: NDArray[Any]) -> float:
    """How far the rows are from the recording at most, wherever in it the band saw the impact."""
    coarse = min(np.arange(-250, 250, 1.0), key=lambda shift_ms: worst_mg(rows, shift_ms))
    return min(worst_mg(rows, coarse + fine / 50) for fine in range(-50, 51))


def worst_mg(rows: NDArray[Any], shift_ms: float) -> float:
    samples, times_s = FALL.read().astype(float), np.arange(FALL.count) / FALL.rate_hz
    impact_s = (FALL.peak_s or 0) + shift_ms / 1000
    at_s = impact_s + (np.arange(len(rows)) - 10 * RATE_HZ) / RATE_HZ
    pair = [
        np.stack([np.interp(at_s - ago_s, times_s, axis) for axis in samples.T], axis=1)
        for ago_s in (0, 1 / CHIP_HZ)
    ]
    return float(np.abs((pair[0] + pair[1]) / 2 - rows).max())


def holds_a_name(file: Path) -> bool:
    return NAME.encode() in file.read_bytes()
