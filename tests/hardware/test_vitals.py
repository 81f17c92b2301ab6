# SPDX-License-Identifier: Apache-2.0
"""From the oximeter's FIFO to a report: the firmware's vitals.py, driver and sense against the
simulated MAX30102, in virtual time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hardware.simulated.chips.max30102 import FAULTS
from opaska_protocol import reports
from opaska_tools.simulator.circuit import AIR, PINS, TABLE, Pulse, Recorded
from opaska_tools.simulator.clock import ClockService
from tests.hardware.conftest import needs_micropython

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from opaska_tools.simulator.band import SimulatedBand
    from tests.hardware.conftest import Boards

pytestmark = needs_micropython

DATA = Path(__file__).parents[3] / "shared" / "data" / "ppg_misc"
MINUTE_MS = 60_000
EVERY = 20  # minutes, of the script's settings
ALARM, MOVES, LOOP = PINS["sos_button"], PINS["charger_status"], PINS["strap_loop"]
NO_REPORTS = PINS["gauge_alert"]
ORDERED, NEVER = 47, 48  # free pins: an order to measure; who is never measured else


@asynccontextmanager
async def vitals(board: Boards) -> AsyncGenerator[tuple[SimulatedBand, ClockService]]:
    async with ClockService() as clock, board("vitals", virtual_clock=clock) as band:
        await band.wait_log("ready")
        yield band, clock


async def order(band: SimulatedBand, clock: ClockService) -> None:
    await band.hold_pin(ORDERED, 0)
    await clock.run_for(1_500)
    await band.hold_pin(ORDERED, None)


def said(band: SimulatedBand, word: str) -> list[list[str]]:
    """The lines about this, as [ms, word, ...]."""
    lines = [line.split() for line in band.log]
    return [line for line in lines if line[1:2] == [word]]


def told(band: SimulatedBand) -> list[tuple[int, int, str, str, int]]:
    """Reports as (ms, why, pulse, saturation, quality)."""
    return [
        (int(ms), int(why), pulse, spo2, int(quality))
        for ms, _, _, why, pulse, spo2, quality in said(band, "vitals")
    ]


async def test_pulse_is_told_once_every_so_many_minutes_and_the_light_is_out_between(
    board: Boards,
) -> None:
    async with vitals(board) as (band, clock):
        await band.show(Pulse(heart_rate_bpm=64, spo2_percent=96))
        await clock.run_for(3 * MINUTE_MS)
        oximeter = band.circuit.wiring.oximeter
        assert not oximeter.shines
        await clock.run_for(40 * MINUTE_MS)
    reported = told(band)
    assert len(reported) == 3
    for _, why, pulse, spo2, quality in reported:
        assert why == reports.PULSE_BY_SCHEDULE
        assert int(pulse) == pytest.approx(64, abs=1)
        assert int(spo2) == pytest.approx(96, abs=2)
        assert quality >= 80
    times = [ms for ms, *_ in reported]
    assert times[1] - times[0] == pytest.approx(EVERY * MINUTE_MS, abs=MINUTE_MS)
    assert not said(band, "fault")
    assert not said(band, "alarm")


@pytest.mark.parametrize(("source", "reported"), [(AIR, 0), (TABLE, 1)])
async def test_without_a_pulse_there_is_no_number_and_without_skin_no_report(
    board: Boards, source: Pulse, reported: int
) -> None:
    async with vitals(board) as (band, clock):
        await band.show(source)
        await clock.run_for(9 * MINUTE_MS)
    lines = told(band)
    assert len(lines) == reported
    assert all((pulse, spo2) == ("None", "None") for _, _, pulse, spo2, _ in lines)
    assert not said(band, "fault")


async def test_an_arm_that_moves_spoils_it_and_it_is_tried_again_soon(board: Boards) -> None:
    async with vitals(board) as (band, clock):
        await band.hold_pin(MOVES, 0)
        await clock.run_for(4 * MINUTE_MS)
        await band.hold_pin(MOVES, None)
        await clock.run_for(12 * MINUTE_MS)
    first, second = told(band)
    assert first[2] == "None"
    assert second[2] == "68"
    assert second[0] - first[0] < 12 * MINUTE_MS


async def test_who_is_never_measured_is_measured_once_when_it_is_ordered(board: Boards) -> None:
    async with vitals(board) as (band, clock):
        await band.hold_pin(NEVER, 0)
        await clock.run_for(30 * MINUTE_MS)
        assert told(band) == []
        await order(band, clock)
        await clock.run_for(30 * MINUTE_MS)
        ((_, why, pulse, _, quality),) = told(band)
    assert (why, pulse) == (reports.PULSE_ON_REQUEST, "68")
    assert quality >= 80


async def test_a_chip_that_breaks_leaves_no_quality_of_the_measurement_before(
    board: Boards,
) -> None:
    async with vitals(board) as (band, clock):
        await clock.run_for(4 * MINUTE_MS)
        await band.oximeter_fault("silent")
        await clock.run_for(45 * MINUTE_MS)
    assert len(told(band)) == 1, "nobody has seen skin since"


@pytest.mark.parametrize("missing", ["wrist", "skin", "chip"])
async def test_an_order_that_finds_nothing_to_measure_is_answered_without_numbers(
    board: Boards, missing: str
) -> None:
    async with vitals(board) as (band, clock):
        await clock.run_for(4 * MINUTE_MS)
        before = len(told(band))
        if missing == "wrist":
            await band.hold_pin(LOOP, 1)
        elif missing == "skin":
            await band.show(AIR)
        else:
            await band.oximeter_fault("silent")
        await order(band, clock)
        await clock.run_for(2 * MINUTE_MS)
        asked = told(band)[before:]
    assert [line[1:] for line in asked] == [(reports.PULSE_ON_REQUEST, "None", "None", 0)]


async def test_an_order_in_the_first_moment_of_an_alarm_waits_for_it_and_is_not_lost(
    board: Boards,
) -> None:
    async with vitals(board) as (band, clock):
        await clock.run_for(4 * MINUTE_MS)
        await order(band, clock)
        await band.hold_pin(ALARM, 0)
        await clock.run_for(4 * MINUTE_MS)
        reasons = [why for _, why, *_ in told(band)]
    assert reasons.count(reports.PULSE_ON_REQUEST) == 1


async def test_a_band_that_is_not_worn_is_not_measured(board: Boards) -> None:
    async with vitals(board) as (band, clock):
        await band.hold_pin(LOOP, 1)
        await clock.run_for(60 * MINUTE_MS)
        assert told(band) == []
        await band.hold_pin(LOOP, 0)
        await clock.run_for(3 * MINUTE_MS)
    assert len(told(band)) == 1


async def test_in_an_open_alarm_it_is_measured_again_and_again_but_the_alarm_goes_first(
    board: Boards,
) -> None:
    async with vitals(board) as (band, clock):
        await clock.run_for(33_000)
        oximeter = band.circuit.wiring.oximeter
        assert oximeter.shines
        await band.hold_pin(ALARM, 0)
        await clock.run_for(3_000)
        assert not oximeter.shines, "it has interrupted a measurement"
        await clock.run_for(10 * MINUTE_MS)
        await band.hold_pin(ALARM, None)
        await clock.run_for(2 * MINUTE_MS)
        during = told(band)
        await clock.run_for(15 * MINUTE_MS)
        assert len(told(band)) == len(during), "back to the schedule"
    whys = [why for _, why, *_ in during]
    assert whys.count(reports.PULSE_IN_ALARM) >= 8
    assert all(pulse != "None" for _, why, pulse, *_ in during if why == reports.PULSE_IN_ALARM)


async def test_hours_of_an_open_alarm_do_not_empty_the_battery(board: Boards) -> None:
    async with vitals(board) as (band, clock):
        await band.hold_pin(ALARM, 0)
        await clock.run_for(32 * MINUTE_MS)
        before = len(told(band))
        await clock.run_for(30 * MINUTE_MS)
    assert before > 20
    assert len(told(band)) - before <= 3


@pytest.mark.parametrize(
    ("pulse", "why"),
    [
        (Pulse(heart_rate_bpm=43), reports.WHY_PULSE_LOW),
        (Pulse(heart_rate_bpm=134), reports.WHY_PULSE_HIGH),
        (Pulse(spo2_percent=84), reports.WHY_SPO2_LOW),
    ],
)
async def test_a_limit_rings_once_when_two_measurements_are_beyond_it(
    board: Boards, pulse: Pulse, why: int
) -> None:
    async with vitals(board) as (band, clock):
        await band.show(pulse)
        await clock.run_for(30 * MINUTE_MS)
        ((at_ms, *alarm),) = said(band, "alarm")
        await band.show(Pulse(heart_rate_bpm=70))
        await clock.run_for(22 * MINUTE_MS)
        await band.show(pulse)
        await clock.run_for(18 * MINUTE_MS)
        alarms = said(band, "alarm")
    first, second = told(band)[:2]
    assert alarm == ["alarm", str(reports.VITALS_LIMIT), str(why)]
    assert first[1] == second[1] == reports.PULSE_AT_LIMIT
    assert int(at_ms) - first[0] < 3 * MINUTE_MS
    assert len(alarms) == 2, "again only after it was well"


async def test_one_measurement_beyond_a_limit_rings_nowhere(board: Boards) -> None:
    async with vitals(board) as (band, clock):
        await band.show(Pulse(heart_rate_bpm=140))
        await clock.run_for(MINUTE_MS + 20_000)
        assert len(told(band)) == 1
        await band.show(Pulse(heart_rate_bpm=75))
        await clock.run_for(30 * MINUTE_MS)
    assert len(told(band)) >= 2
    assert not said(band, "alarm")


async def test_an_arm_that_never_rests_after_one_beyond_a_limit_does_not_empty_the_battery(
    board: Boards,
) -> None:
    async with vitals(board) as (band, clock):
        await band.show(Pulse(heart_rate_bpm=140))
        await clock.run_for(MINUTE_MS + 20_000)
        assert len(told(band)) == 1
        await band.hold_pin(MOVES, 0)
        await clock.run_for(11 * MINUTE_MS)
        before = len(told(band))
        await clock.run_for(24 * MINUTE_MS)
    assert before >= 5, "a second one is sought"
    assert len(told(band)) - before <= 2


async def test_a_limit_rings_though_no_report_of_the_pulse_can_be_made(board: Boards) -> None:
    async with vitals(board) as (band, clock):
        await band.hold_pin(NO_REPORTS, 0)
        await band.show(Pulse(heart_rate_bpm=140))
        await clock.run_for(10 * MINUTE_MS)
    assert len(said(band, "alarm")) == 1


async def test_light_that_could_not_be_put_out_is_put_out_as_soon_as_the_chip_answers(
    board: Boards,
) -> None:
    async with vitals(board) as (band, clock):
        await clock.run_for(40_000)
        oximeter = band.circuit.wiring.oximeter
        await band.hold_pin(LOOP, 1)
        await band.oximeter_fault("silent")
        await clock.run_for(5_000)
        assert oximeter.shines, "nobody could reach it"
        await band.oximeter_fault(None)
        await clock.run_for(MINUTE_MS)
        assert not oximeter.shines


async def test_a_glance_does_not_heal_an_interrupt_that_it_never_hears(board: Boards) -> None:
    async with vitals(board) as (band, clock):
        await band.oximeter_fault("unwired")
        await band.hold_pin(MOVES, 0)  # somebody asks all the time
        await clock.run_for(5 * MINUTE_MS)
    ((at_ms, *fault),) = said(band, "fault")
    assert " ".join(fault[2:]) == "no interrupt"
    since = [line[2:] for line in said(band, "trouble") if int(line[0]) > int(at_ms) + 1_000]
    assert since.count(["no", "interrupt"]) == len(since) > 60


async def test_a_chip_that_is_broken_is_asked_as_seldom_as_a_good_one(
    board: Boards, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    async with vitals(board) as (band, clock):
        await band.hold_pin(LOOP, 1)
        await band.hold_pin(MOVES, 0)  # somebody asks all the time
        oximeter = band.circuit.wiring.oximeter
        write = oximeter.write

        def counted(data: bytes) -> bool:
            asked.append(data)
            return write(data)

        monkeypatch.setattr(oximeter, "write", counted)
        await band.oximeter_fault("identity")
        await clock.run_for(10 * MINUTE_MS)
    assert 20 <= asked.count(b"\xff") <= 31, "every 20 s"


async def test_an_eye_without_light_says_neither_skin_nor_none(board: Boards) -> None:
    async with vitals(board) as (band, clock):
        await band.oximeter_fault("dark")
        await band.hold_pin(LOOP, 1)
        await band.hold_pin(MOVES, 0)
        await clock.run_for(3 * MINUTE_MS)
    assert {tuple(line[2:]) for line in said(band, "contact")} == {("None",)}


async def test_whoever_asks_hears_whether_there_is_skin_by_a_glance_at_a_time(
    board: Boards,
) -> None:
    async with vitals(board) as (band, clock):
        await clock.run_for(5 * MINUTE_MS)
        await band.hold_pin(LOOP, 1)
        await band.hold_pin(MOVES, 0)
        seen = []
        for source in (Pulse(), AIR, TABLE):
            await band.show(source)
            before = len(said(band, "contact"))
            await clock.run_for(60_000)
            seen.append([line[2] for line in said(band, "contact")][before + 25 :])
    skin, air, table = seen
    assert skin.count("True") > 30
    assert air.count("False") > 30
    assert set(skin) <= {"True", "None"}
    assert set(air) <= {"False", "None"}
    assert set(table) == {"None"}, "light, and no pulse since the air"


async def test_light_that_met_skin_before_is_asked_again_at_once_and_says_nothing_meanwhile(
    board: Boards,
) -> None:
    async with vitals(board) as (band, clock):
        await clock.run_for(3 * MINUTE_MS)
        await band.hold_pin(LOOP, 1)
        for source, expected in ((Pulse(), "True"), (AIR, "False")):
            await band.show(source)
            await clock.run_for(3_000)
            before = len(said(band, "contact"))
            await band.hold_pin(MOVES, 0)
            await clock.run_for(5_000)
            await band.hold_pin(MOVES, None)
            await clock.run_for(1_000)
            lines = [line[2] for line in said(band, "contact")][before:]
            assert lines[:1] == ["None"]
            assert lines[-3:] == [expected] * 3
            assert set(lines) == {"None", expected}


TROUBLES = {
    "silent": {"no answer"},
    "identity": {"another chip"},
    "stopped": {"no samples"},
    "stuck": {"stuck at one value"},
    "short": {"short read"},
    "unwired": {"no interrupt"},
    "shorted": {"interrupt stuck"},
    "no reset": {"reset does not end", "no answer"},
    "dark": {"no light"},
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_broken_oximeter_is_one_fault_in_hours_and_measures_again_once_it_is_mended(
    board: Boards, fault: str
) -> None:
    async with vitals(board) as (band, clock):
        if fault == "no reset":  # seen only at a new start of the chip
            await band.oximeter_fault("silent")
            await clock.run_for(3 * MINUTE_MS)
        await band.oximeter_fault(fault)
        await clock.run_for(65 * MINUTE_MS)
        broken = told(band)
        await band.oximeter_fault(None)
        await clock.run_for(25 * MINUTE_MS)
        mended = told(band)[len(broken) :]
    details = [" ".join(line[3:]) for line in said(band, "fault")]
    assert set(details) == TROUBLES[fault]
    assert len(details) == len(TROUBLES[fault]), "once, not once an hour"
    assert {line[2] for line in said(band, "fault")} == {str(reports.OXIMETER)}
    works = fault in ("unwired", "shorted")
    assert bool([pulse for _, _, pulse, *_ in broken if pulse != "None"]) == works
    assert [pulse for _, _, pulse, *_ in mended if pulse != "None"]
    assert not said(band, "alarm")


async def test_an_interrupt_that_chatters_is_a_fault_and_the_pulse_is_still_told(
    board: Boards,
) -> None:
    async with vitals(board) as (band, clock):
        await clock.run_for(31_000)
        for _ in range(600):
            await band.hold_pin(PINS["oximeter_int"], 0)
            await band.hold_pin(PINS["oximeter_int"], None)
            await clock.run_for(20)
        await clock.run_for(3 * MINUTE_MS)
    assert [" ".join(line[3:]) for line in said(band, "fault")] == ["interrupt chatters"]
    assert told(band)[0][2] == "68"


@pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not here: ../shared/data")
@pytest.mark.parametrize(
    ("name", "sensor", "rate_hz", "bpm"),
    [
        ("left_hand_100sps", "0", 140.0, 81),
        ("left_hand_200sps", "0", 280.0, 81),
        ("thumb_toe_100sps", "0", 140.0, 70),
        ("thumb_toe_100sps", "1", 98.0, 70),
    ],
)
async def test_light_that_another_max30102_recorded_gives_its_pulse(
    board: Boards, name: str, sensor: str, rate_hz: float, bpm: int
) -> None:
    lines = (DATA / f"max30102_{name}.dat").read_text().splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    pairs = [(int(row[3]) & 0x3FFFF, int(row[4]) & 0x3FFFF) for row in rows if row[2] == sensor]
    pairs = (pairs + pairs[::-1]) * 4  # minutes are needed, and there are 17 to 34 s
    recorded = Recorded(rate_hz, [red for red, _ in pairs], [infrared for _, infrared in pairs])
    async with vitals(board) as (band, clock):
        await clock.run_for(29_000)
        await band.show(recorded)
        await clock.run_for(3 * MINUTE_MS)
    ((_, _, pulse, spo2, _),) = told(band)
    assert int(pulse) == pytest.approx(bpm, abs=3)
    assert int(spo2) >= 96, "a young man in good health"
