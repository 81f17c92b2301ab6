# SPDX-License-Identifier: Apache-2.0
"""Promises 1 and 3 under kill -9 between every two steps: stored once, answered only if stored."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from opaska_protocol import answers
from tests.support.dying_gateway import ANSWER_BEFORE_COMMIT, BEFORE_COMMIT, PLACES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.gateway_core import Core, CoreBand

Sent = list[tuple["CoreBand", bytes]]


async def _gateway(folder: Path, place: int, sent: Sent, planted: str = "") -> bool:
    """Run one gateway process on these frames; whether it lived. Bands hear what it said."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.dying_gateway", str(folder), str(place), planted,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    lines = "".join(f"{band.kid_hex} {frame.hex()}\n" for band, frame in sent)
    said, _ = await child.communicate(lines.encode())
    bands = {band.kid_hex: band for band, _ in sent}
    for line in said.decode().splitlines():
        kid_hex, frame_hex = line.split()
        bands[kid_hex].hear(bytes.fromhex(frame_hex))
    return child.returncode == 0


async def _frames(heart: Core) -> Sent:
    bands = [await heart.add_band() for _ in range(3)]
    return [(band, band.sos() if n == 1 else band.heartbeat()) for n in range(3) for band in bands]


async def _check_answered_is_stored(heart: Core, sent: Sent) -> None:
    stored = {(event.device_id, event.boot, event.seq) for event in await heart.events()}
    for band in {id(band): band for band, _ in sent}.values():
        for boot, seq, _ in band.answers:
            assert (band.device_id, boot, seq) in stored


@pytest.mark.parametrize("place", PLACES)
async def test_killed_between_two_steps_every_report_is_stored_once(
    heart: Core, tmp_path: Path, place: int
) -> None:
    sent = await _frames(heart)
    assert not await _gateway(tmp_path, place, sent)
    await _check_answered_is_stored(heart, sent)
    assert len(await heart.events()) == (0 if place <= BEFORE_COMMIT else len(sent))
    assert await _gateway(tmp_path, -1, sent)
    assert len(await heart.events()) == len(sent)
    assert len(await heart.cases()) == 3
    assert len(await heart.rows("SELECT id FROM outbox")) == 3
    for band, _ in sent:
        assert all(answers.STORED in band.states(seq) for seq in (1, 2, 3))


async def test_the_harness_catches_an_answer_before_the_commit(
    heart: Core, tmp_path: Path
) -> None:
    sent = await _frames(heart)
    await _gateway(tmp_path, BEFORE_COMMIT, sent, ANSWER_BEFORE_COMMIT)
    with pytest.raises(AssertionError):
        await _check_answered_is_stored(heart, sent)
