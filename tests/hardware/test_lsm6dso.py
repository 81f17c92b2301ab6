# SPDX-License-Identifier: Apache-2.0
"""The simulated accelerometer by its data sheet; and in the hands of a driver that is not ours."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from hardware.simulated.chips import lsm6dso as chip_registers
from hardware.simulated.chips.lsm6dso import (
    ALL_INT_SRC,
    BOOT_MS,
    CTRL1_XL,
    CTRL3_C,
    CTRL8_XL,
    FIFO_CTRL1,
    FIFO_CTRL2,
    FIFO_CTRL3,
    FIFO_CTRL4,
    FIFO_DATA_OUT_TAG,
    FIFO_STATUS1,
    FREE_FALL,
    INT1_CTRL,
    LSM6DSO,
    MD1_CFG,
    OUTX_L_A,
    STATUS_REG,
    TAP_CFG0,
    TAP_CFG2,
    WAKE_UP_DUR,
    WAKE_UP_SRC,
    WAKE_UP_THS,
    WHO_AM_I,
)
from hardware.simulated.wearer import INTO_POSTURE_MS, Motion, Wearer

ROOT = Path(__file__).parents[2]
ORACLE = ROOT / ".venv-oracle" / "bin" / "python"

SAMPLE_MS = 1000 / 52
FALLING, WOKEN = 0x20, 0x08  # in WAKE_UP_SRC


class Bench:
    """The chip on a body, and time that passes when told."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.alarms: list[tuple[float, object]] = []
        self.levels: list[tuple[float, bool]] = []
        self.body = Wearer(lambda: self.now_ms)
        self.chip = LSM6DSO(lambda: self.now_ms, self._after, self.body)
        self.chip.on_int1 = lambda level: self.levels.append((self.now_ms, level))
        self.chip.power_on()
        self.wait(BOOT_MS)

    def _after(self, ms: float, function: object) -> None:
        self.alarms.append((self.now_ms + ms, function))

    def wait(self, ms: float) -> None:
        """Let time pass, and ring what is due."""
        end_ms = self.now_ms + ms
        while due := [alarm for alarm in self.alarms if alarm[0] <= end_ms]:
            alarm = min(due, key=lambda entry: entry[0])
            self.alarms.remove(alarm)
            self.now_ms = max(self.now_ms, alarm[0])
            assert callable(alarm[1])
            alarm[1]()
        self.now_ms = end_ms

    def write(self, *values: tuple[int, int]) -> None:
        for register, value in values:
            assert self.chip.write(bytes([register, value]))

    def read(self, register: int, count: int = 1) -> bytes:
        assert self.chip.write(bytes([register]))
        return self.chip.read(count)

    def wear(self, *samples: tuple[int, int, int], rate_hz: float = 52) -> float:
        self.chip.catch_up()
        begin_ms = self.body.wear(Motion(rate_hz, samples))
        self.chip.changed()
        return begin_ms

    def acceleration(self) -> list[int]:
        data = self.read(OUTX_L_A, 6)
        return [int.from_bytes(data[i : i + 2], "little", signed=True) for i in (0, 2, 4)]

    def start_fifo(self, watermark: int = 416, mode: int = 6) -> None:
        self.write(
            (FIFO_CTRL1, watermark & 0xFF),
            (FIFO_CTRL2, watermark >> 8),
            (FIFO_CTRL3, 3),
            (INT1_CTRL, 0x08),
            (FIFO_CTRL4, mode),
            (CTRL1_XL, 0x34),
        )

    def fifo(self) -> tuple[int, int]:
        """Words, and the flags of FIFO_STATUS2."""
        low, high = self.read(FIFO_STATUS1, 2)
        return (high & 3) << 8 | low, high & 0xF8


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_answers_ten_milliseconds_after_power_on_and_with_its_identity(bench: Bench) -> None:
    assert bench.read(WHO_AM_I) == b"\x6c"
    bench.chip.power_on()
    assert not bench.chip.answers
    bench.wait(BOOT_MS)
    assert bench.chip.answers


def test_registers_begin_as_the_data_sheet_says_and_a_reset_brings_them_back(bench: Bench) -> None:
    begin = {WHO_AM_I: 0x6C, CTRL1_XL: 0, CTRL3_C: 0x04, 0x02: 0x3F, 0x18: 0xE0, TAP_CFG0: 0}
    assert {register: bench.read(register)[0] for register in begin} == begin
    bench.write((CTRL1_XL, 0x34), (TAP_CFG0, 0x51), (WHO_AM_I, 0))
    assert bench.read(CTRL1_XL) == b"\x34"
    assert bench.read(WHO_AM_I) == b"\x6c", "read only"
    bench.write((CTRL3_C, 0x01))
    assert {register: bench.read(register)[0] for register in begin} == begin


@pytest.mark.parametrize(
    ("full_scale", "lsb_mg"), [(0, 0.061), (2, 0.122), (3, 0.244), (1, 0.488)]
)
def test_gravity_is_told_in_the_units_of_the_range(
    bench: Bench, full_scale: int, lsb_mg: float
) -> None:
    bench.write((CTRL1_XL, 0x30 | full_scale << 2))
    assert bench.read(STATUS_REG) == b"\x00"
    bench.wait(SAMPLE_MS + 1)
    assert bench.read(STATUS_REG) == b"\x01"
    mg = [raw * lsb_mg for raw in bench.acceleration()]
    assert mg == pytest.approx([0, 0, 1000], abs=4)
    assert bench.read(STATUS_REG) == b"\x00", "a sample is new until it is read"


def test_no_two_samples_at_rest_are_alike_for_long(bench: Bench) -> None:
    bench.write((CTRL1_XL, 0x34))
    seen: set[tuple[int, ...]] = set()
    for _ in range(200):
        bench.wait(SAMPLE_MS)
        seen.add(tuple(bench.acceleration()))
    assert len(seen) > 40
    assert all(abs(axis) <= 8 for x, y, z in seen for axis in (x, y, z - 2049))


def test_what_exceeds_the_range_is_clipped(bench: Bench) -> None:
    bench.write((CTRL1_XL, 0x30))
    bench.wear((3000, -2500, 1500), (3000, -2500, 1500))
    bench.wait(INTO_POSTURE_MS + 500)
    x, y, z = bench.acceleration()
    assert (x, y) == (32767, -32768)
    assert z * 0.061 == pytest.approx(1500, abs=4)


@pytest.mark.parametrize("rate_hz", [20.0, 32.0, 52.0, 104.0, 208.0])
def test_recordings_of_any_rate_come_out_as_the_chip_would_sample_them(
    bench: Bench, rate_hz: float
) -> None:
    ramp = [(10 * i, 0, 1000) for i in range(round(3 * rate_hz))]
    bench.start_fifo(watermark=0)
    begin_ms = bench.wear(*ramp, rate_hz=rate_hz)
    bench.wait(begin_ms + 2000 - bench.now_ms)
    words, _ = bench.fifo()
    data = bench.read(FIFO_DATA_OUT_TAG, 7 * words)
    last = int.from_bytes(data[-6:-4], "little", signed=True) * 0.488
    assert last == pytest.approx(10 * 2 * rate_hz, abs=10 * rate_hz / 52 + 10)


def test_each_word_of_the_fifo_has_its_sensor_its_slot_and_even_parity(bench: Bench) -> None:
    bench.start_fifo()
    bench.wait(4000)
    words, flags = bench.fifo()
    assert (words, flags) == (208, 0)
    data = bench.read(FIFO_DATA_OUT_TAG, 7 * words)
    tags = data[0::7]
    assert {tag >> 3 for tag in tags} == {2}
    assert {tag.bit_count() % 2 for tag in tags} == {0}
    slots = [tag >> 1 & 3 for tag in tags]
    assert all((after - before) % 4 == 1 for before, after in pairwise(slots))
    assert bench.fifo() == (0, 0)


def test_the_fifo_keeps_the_last_512_samples_and_says_that_it_ran_over(bench: Bench) -> None:
    bench.start_fifo(watermark=500)
    bench.wait(511 * SAMPLE_MS + 5)
    assert bench.fifo() == (511, 0xA0), "watermark, and full with the next sample"
    bench.wait(3_600_000)
    assert bench.fifo() == (512, 0xE8)
    assert bench.fifo() == (512, 0xA0), "latched until it was read"
    bench.write((FIFO_CTRL4, 0))
    assert bench.fifo() == (0, 0)


def test_a_fifo_that_shall_stop_keeps_the_first_samples(bench: Bench) -> None:
    bench.start_fifo(mode=1)
    bench.wait(60_000)
    first = bench.read(FIFO_DATA_OUT_TAG, 7)
    assert bench.fifo()[0] == 511
    assert first[0] >> 1 & 3 == 1


def test_int1_is_up_while_the_watermark_is_reached(bench: Bench) -> None:
    bench.start_fifo(watermark=52)
    began_ms = bench.now_ms
    bench.wait(1500)
    ((at_ms, up),) = bench.levels
    assert up
    assert at_ms - began_ms == pytest.approx(1000, abs=2)
    bench.read(FIFO_DATA_OUT_TAG, 7 * 40)
    assert bench.levels[-1][1] is False


def listen(bench: Bench, threshold: int = 6, *, latched: bool = True) -> None:
    bench.write(
        (CTRL8_XL, 0x80),
        (TAP_CFG0, 0x50 | latched),
        (TAP_CFG2, 0x80),
        (WAKE_UP_THS, threshold),
        (WAKE_UP_DUR, 0x10),
        (FREE_FALL, 0x2B),
        (MD1_CFG, 0x30),
        (CTRL1_XL, 0x34),
    )
    bench.wait(3000)
    bench.read(ALL_INT_SRC)
    bench.levels.clear()


REST = (0, 0, 1000)


def test_a_blow_raises_int1_at_its_sample_and_reading_the_source_lets_go(bench: Bench) -> None:
    listen(bench)
    begin_ms = bench.wear(*[REST] * 104, (2000, 0, 1000), *[REST] * 100)
    bench.wait(begin_ms + 4000 - bench.now_ms)
    ((at_ms, up),) = bench.levels
    assert up
    assert at_ms - begin_ms == pytest.approx(2000, abs=2 * SAMPLE_MS)
    assert bench.read(WAKE_UP_SRC) == bytes([WOKEN | 0x04]), "the X axis"
    assert bench.levels[-1][1] is False
    assert bench.read(ALL_INT_SRC) == b"\x00"


def test_what_is_not_latched_ends_with_the_blow(bench: Bench) -> None:
    listen(bench, latched=False)
    begin_ms = bench.wear(*[REST] * 104, (2000, 0, 1000), *[REST] * 100)
    bench.wait(begin_ms + 4000 - bench.now_ms)
    levels = [level for _, level in bench.levels]
    assert levels[:2] == [True, False]
    assert levels[-1] is False


def test_weak_movements_stay_below_the_threshold(bench: Bench) -> None:
    listen(bench)
    bench.wear(*[REST] * 104, (300, 0, 1000), *[REST] * 100)
    bench.wait(6000)
    assert bench.levels == []


@pytest.mark.parametrize(("samples", "falls"), [(5, False), (9, True)])
def test_free_fall_must_last(bench: Bench, samples: int, falls: bool) -> None:
    listen(bench, threshold=63)
    bench.wear(*[REST] * 104, *[(0, 100, 100)] * samples, *[REST] * 100)
    bench.wait(6000)
    assert bool(bench.read(WAKE_UP_SRC)[0] & FALLING) == falls
    assert bool(bench.levels) == falls


def test_an_hour_of_rest_costs_nothing_and_raises_nothing(bench: Bench) -> None:
    listen(bench, threshold=1)
    bench.wait(3_600_000)
    assert bench.levels == []
    assert len(bench.alarms) <= 1


@pytest.mark.parametrize("fault", chip_registers.FAULTS)
def test_every_fault_can_be_seen_on_the_bus_or_the_wire(bench: Bench, fault: str) -> None:
    bench.start_fifo(watermark=52)
    bench.wait(500)
    bench.read(FIFO_DATA_OUT_TAG, 7 * bench.fifo()[0])
    bench.chip.fault = fault
    bench.wait(3000)
    seen = {
        "silent": not bench.chip.answers,
        "identity": bench.read(WHO_AM_I) != b"\x6c",
        "unwired": not bench.levels,
    }
    words = bench.fifo()[0]
    data = bench.read(FIFO_DATA_OUT_TAG, 7 * words)
    slots = [tag >> 1 & 3 for tag in data[0::7]]
    seen["stopped"] = words == 0
    seen["stuck"] = len({data[i + 1 : i + 7] for i in range(0, len(data), 7)}) == 1
    seen["disorder"] = slots != [(slots[0] + i) % 4 for i in range(words)] if words else False
    seen["parity"] = any(tag.bit_count() % 2 for tag in data[0::7])
    assert seen[fault]
    assert [name for name, is_seen in seen.items() if is_seen and name != fault] in (
        [],
        ["unwired"],  # nothing to tell: no samples, no interrupt
    )


@pytest.mark.skipif(
    not ORACLE.exists(), reason="needs Adafruit's driver in .venv-oracle: make setup"
)
def test_another_driver_finds_configures_and_reads_the_chip() -> None:
    done = subprocess.run(
        [ORACLE, Path(__file__).with_name("adafruit_oracle.py")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ranges"] == [16, 2, 4, 8, 16]
    for acceleration in found["accelerations"]:
        assert acceleration == pytest.approx([0, 0, 9.807], abs=0.05)
    assert found["tilted"] == pytest.approx([9.807 / 2, 0, -9.807], abs=0.05)
    assert found["clipped"] == pytest.approx(2 * 9.807, abs=0.05)
    assert found["gyro"] == [0, 0, 0]
    assert found["rate_hz"] == 52
