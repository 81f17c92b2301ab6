# SPDX-License-Identifier: Apache-2.0
"""Log lines a machine can read, a journey that is silent unless wanted, a clock to be driven."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Generator
from typing import Literal

import pytest
import structlog

from opaska_gateway import clock
from opaska_gateway.logs import STATIONS, get_logger, journey, start_logging


@pytest.fixture(autouse=True)
def quiet_again() -> Generator[None]:
    yield
    start_logging("json", "info", show_journey=False)
    structlog.reset_defaults()


def test_a_line_is_one_json_object_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("json", "info", show_journey=False)
    log = get_logger()
    log.debug("not_shown")
    log.info("ready", broker_port=1883)
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        log.error("broken", exc_info=error)
    captured = capsys.readouterr()
    assert captured.out == ""
    ready, broken = [json.loads(line) for line in captured.err.splitlines()]
    assert {"event": "ready", "level": "info", "broker_port": 1883}.items() <= ready.items()
    assert "ValueError: two\nlines" in broken["exception"]


def test_a_line_for_a_human_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("human", "info", show_journey=False)
    get_logger().info("ready", broker_port=1883)
    line = capsys.readouterr().err
    assert "ready" in line
    assert "broker_port=1883" in line


def test_the_journey_is_silent_unless_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    for wanted in (False, True):
        start_logging("json", "info", show_journey=wanted)
        for station in STATIONS:
            journey(station, kid="00" * 8, boot=1, seq=2, state=3)
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert [line["station"] for line in lines] == (list(STATIONS) if wanted else [])
        for line in lines:
            assert (line["kid"], line["boot"], line["seq"], line["state"]) == ("00" * 8, 1, 2, 3)
            assert abs(line["monotonic_ms"] - time.monotonic() * 1000) < 10_000


class Noon:
    """Time that stands still."""

    def now_ms(self) -> int:
        return 43_200_000

    def monotonic_s(self) -> float:
        return 12.0


def test_time_comes_from_the_source_that_drives_it_and_then_from_the_machine_again() -> None:
    with clock.driven_by(Noon()):
        assert (clock.now_ms(), clock.monotonic_s()) == (43_200_000, 12.0)
    assert abs(clock.now_ms() - time.time() * 1000) < 10_000
    assert abs(clock.monotonic_s() - time.monotonic()) < 10


@pytest.mark.parametrize("form", ["human", "json"])
def test_an_error_in_the_log_shows_no_key_that_was_at_hand(
    capsys: pytest.CaptureFixture[str], form: Literal["human", "json"]
) -> None:
    key = secrets.token_hex(16)

    def fail(k_gen: str) -> None:
        raise ValueError(f"planted, {len(k_gen)}")

    start_logging(form, "info", show_journey=False)
    try:
        fail(key)
    except ValueError as error:
        get_logger().error("report_failed", exc_info=error)
    said = capsys.readouterr().err
    assert "planted, 32" in said
    assert key not in said
