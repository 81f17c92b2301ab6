# SPDX-License-Identifier: Apache-2.0
"""A human hears of refused frames: soon, by band and reason, and not a thousand times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway import clock, unverified
from opaska_gateway.batch import Refusal
from opaska_gateway.intake.arrival import Arrival
from opaska_gateway.pipeline import Pipeline
from opaska_gateway.unverified import EVERY_S, Unverified
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import decided, running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.gateway_core import Core


class Lines:
    """A log that remembers."""

    def __init__(self) -> None:
        self.lines: list[Mapping[str, Any]] = []

    def warning(self, event: str, **values: Any) -> None:
        assert event == "unverified"
        self.lines.append(values)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    lines = Lines()
    monkeypatch.setattr(unverified, "log", lines)
    return lines


def _refused(kid: str, reason: str = "revoked") -> Refusal:
    arrival = Arrival(kid, b"", "mqtt", urgent=True, received_ms=0, done=lambda: None)
    return Refusal(arrival, reason)


def test_a_noisy_stranger_gets_one_line_a_minute_with_its_count(lines: Lines) -> None:
    notes = Unverified()
    notes.note(_refused("aa") for _ in range(500))
    notes.note([_refused("bb"), _refused("aa", "bad_tag")])
    assert [(line["kid"], line["reason"]) for line in lines.lines] == [
        ("aa", "revoked"),
        ("bb", "revoked"),
        ("aa", "bad_tag"),
    ]
    with clock.driven_by(Later(int(EVERY_S * 1000))):
        notes.note([_refused("aa")])
    assert lines.lines[-1]["more_since_last_line"] == 499


def test_invented_kids_share_one_line(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unverified, "MAX_NOTED", 10)
    notes = Unverified()
    notes.note(_refused(str(number)) for number in range(1_000))
    assert len(lines.lines) == 11
    assert lines.lines[-1]["kid"] == "many"


async def test_an_sos_of_a_stranger_is_told_as_urgent_with_what_to_do(
    heart: Core, lines: Lines
) -> None:
    band = await heart.add_band()
    async with running(Pipeline(heart.context)) as pipeline:
        await decided(pipeline, [heart.arrival("ff" * 8, band.sos())])
    (line,) = lines.lines
    assert line["urgent"]
    assert "opaska bands add" in line["meaning"]
