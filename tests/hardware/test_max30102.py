# SPDX-License-Identifier: Apache-2.0
"""The simulated oximeter by its data sheet, and in the hands of a driver that is not ours."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from hardware.simulated.chips import max30102 as chip_registers
from hardware.simulated.chips.max30102 import (
    A_FULL,
    ALC_OVF,
    BOOT_MS,
    DIE_TEMP_RDY,
    FIFO_CONFIG,
    FIFO_DATA,
    FIFO_RD_PTR,
    FIFO_WR_PTR,
    INTR_ENABLE_1,
    INTR_ENABLE_2,
    INTR_STATUS_1,
    INTR_STATUS_2,
    LED1_PA,
    LED2_PA,
    MAX30102,
    MODE_CONFIG,
    MULTI_LED,
    OVF_COUNTER,
    PART_ID,
    PILOT_PA,
    PPG_RDY,
    PROX_INT,
    PROX_INT_THRESH,
    PWR_RDY,
    REV_ID,
    SHDN,
    SPO2_CONFIG,
    TEMP_CONFIG,
    TEMP_FRAC,
    TEMP_INTR,
)
from hardware.simulated.optics import AIR, Pulse, Surface
from hardware.simulated.wearer import Motion, Wearer

HEART_RATE, SPO2, MULTI, RESET = 2, 3, 7, 0x40
AT_ALL = 0x27  # 4096 nA, 100 a second, 18 bits
PLAIN = Surface(200.0, 100.0)


class Bench:
    """The chip on a body, and time that passes when told."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.alarms: list[tuple[float, object]] = []
        self.levels: list[tuple[float, bool]] = []
        self.body = Wearer(lambda: self.now_ms)
        self.body.show(PLAIN)
        self.chip = MAX30102(lambda: self.now_ms, self._after, self.body)
        self.chip.on_int = lambda level: self.levels.append((self.now_ms, level))
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

    def get(self, register: int) -> int:
        return self.read(register)[0]

    def start(self, mode: int = SPO2, *, config: int = AT_ALL, fifo: int = 0x10) -> None:
        self.read(INTR_STATUS_1)
        self.levels.clear()
        self.write((FIFO_CONFIG, fifo), (SPO2_CONFIG, config), (LED1_PA, 35), (LED2_PA, 35))
        self.write((FIFO_WR_PTR, 0), (OVF_COUNTER, 0), (FIFO_RD_PTR, 0), (MODE_CONFIG, mode))

    def waiting(self) -> int:
        write, _, read = self.read(FIFO_WR_PTR, 3)
        return (write - read) % 32

    def samples(self, count: int, colours: int = 2) -> list[tuple[int, ...]]:
        data = self.read(FIFO_DATA, 3 * count * colours)
        counts = [int.from_bytes(data[at : at + 3], "big") for at in range(0, len(data), 3)]
        return list(zip(*(counts[colour::colours] for colour in range(colours)), strict=True))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_answers_ten_milliseconds_after_power_on_and_says_that_it_is_there(
    bench: Bench,
) -> None:
    assert (bench.get(PART_ID), bench.get(REV_ID)) == (0x15, 0x03)
    assert bench.levels[-1][1] is False, "PWR_RDY cannot be disabled"
    assert bench.get(INTR_STATUS_1) == PWR_RDY
    assert bench.get(INTR_STATUS_1) == 0, "cleared when read"
    assert bench.levels[-1][1] is True
    bench.chip.power_on()
    assert not bench.chip.answers


def test_a_reset_brings_every_register_back_and_shutdown_keeps_them(bench: Bench) -> None:
    bench.start()
    bench.wait(200)
    bench.write((MODE_CONFIG, SHDN | SPO2), (PART_ID, 0))
    assert not bench.chip.shines
    waiting = bench.waiting()
    bench.wait(5000)
    assert bench.waiting() == waiting == 20
    assert (bench.get(LED1_PA), bench.get(PART_ID)) == (35, 0x15)
    bench.write((MODE_CONFIG, RESET))
    assert [bench.get(r) for r in (MODE_CONFIG, SPO2_CONFIG, LED1_PA, FIFO_WR_PTR)] == [0] * 4


@pytest.mark.parametrize(
    ("mode", "colours"), [(HEART_RATE, ["red"]), (SPO2, ["red", "infrared"]), (0, []), (1, [])]
)
def test_each_mode_has_its_colours(bench: Bench, mode: int, colours: list[str]) -> None:
    bench.start(mode)
    bench.wait(55)
    assert bench.waiting() == (5 if colours else 0)
    if not colours:
        return
    ma = 35 * 0.2
    counts = {"red": 200 * ma / 0.015625, "infrared": 100 * ma / 0.015625}
    for sample in bench.samples(5, len(colours)):
        assert list(sample) == pytest.approx([counts[colour] for colour in colours], abs=20)


def test_many_colours_shine_in_the_order_of_their_slots_until_an_empty_one(bench: Bench) -> None:
    bench.write((MULTI_LED, 0x12), (MULTI_LED + 1, 0x01))
    bench.start(MULTI)
    bench.wait(25)
    (sample, *_) = bench.samples(2, 3)
    assert sample[0] == pytest.approx(44_800, abs=20)
    assert sample[1] == pytest.approx(2 * sample[0], abs=40)
    assert sample[2] == pytest.approx(2 * sample[0], abs=40)


@pytest.mark.parametrize("adc_range", range(4))
@pytest.mark.parametrize("width", range(4))
def test_counts_follow_range_pulse_width_and_current(
    bench: Bench, adc_range: int, width: int
) -> None:
    bench.start(config=adc_range << 5 | 1 << 2 | width)
    bench.write((LED2_PA, 20))
    bench.wait(15)
    ((_, infrared),) = bench.samples(1)
    assert infrared == pytest.approx(100 * 4 / (0.0078125 * 2**adc_range), abs=30)
    assert infrared % 2 ** (3 - width) == 0, "left-justified"


def test_too_much_light_is_full_scale_and_none_is_nothing(bench: Bench) -> None:
    bench.start()
    bench.write((LED1_PA, 255), (LED2_PA, 0))
    bench.wait(15)
    ((red, infrared),) = bench.samples(1)
    assert red == 0x3FFFF
    assert infrared < 20


@pytest.mark.parametrize(("average", "merged"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32)])
def test_samples_are_means_of_so_many(bench: Bench, average: int, merged: int) -> None:
    bench.start(fifo=0x10 | average << 5)
    bench.wait(320)
    assert bench.waiting() == (32 // merged) % 32


@pytest.mark.parametrize(
    ("mode", "config", "kept"),
    [(SPO2, 0x1F, 0x0F), (SPO2, 0x1C, 0x18), (HEART_RATE, 0x1F, 0x17), (SPO2, 0x27, 0x27)],
)
def test_a_rate_for_which_the_pulses_are_too_long_becomes_the_fastest_possible(
    bench: Bench, mode: int, config: int, kept: int
) -> None:
    bench.start(mode, config=config)
    assert bench.get(SPO2_CONFIG) == kept


def test_a_full_fifo_rolls_over_or_stops_and_counts_what_was_lost(bench: Bench) -> None:
    bench.body.show(Pulse(perfusion_percent=20))
    for fifo, first in ((0x10, "new"), (0x00, "old")):
        bench.start(fifo=fifo)
        bench.wait(10)
        oldest = bench.samples(1)[0]
        bench.wait(340)
        assert bench.get(OVF_COUNTER) == 2
        assert (bench.samples(1)[0][1] == pytest.approx(oldest[1], abs=2000)) or first == "new"
        assert bench.get(OVF_COUNTER) == 0, "a sample was popped"
        assert bench.waiting() == 31
        bench.wait(10_000)
        assert bench.get(OVF_COUNTER) == 31, "it counts no further"
        bench.write((MODE_CONFIG, SHDN))


def test_the_pointers_can_be_set_to_read_a_sample_again(bench: Bench) -> None:
    bench.start()
    bench.wait(45)
    first = bench.samples(2)
    bench.write((FIFO_RD_PTR, 0))
    assert bench.waiting() == 4
    assert bench.samples(2) == first


def test_int_falls_when_so_few_places_are_left_and_reading_the_status_lets_go(
    bench: Bench,
) -> None:
    bench.start(fifo=0x5F)
    began_ms = bench.now_ms
    bench.write((INTR_ENABLE_1, A_FULL))
    bench.wait(1000)
    ((at_ms, high),) = bench.levels
    assert not high
    assert at_ms - began_ms == pytest.approx(17 * 40, abs=2)
    assert bench.get(INTR_STATUS_1) & A_FULL
    assert bench.levels[-1][1] is True


def test_int_tells_of_every_sample_and_reading_it_lets_go(bench: Bench) -> None:
    bench.start()
    bench.write((INTR_ENABLE_1, PPG_RDY))
    bench.wait(11)
    assert bench.levels[-1][1] is False
    bench.samples(1)
    assert bench.levels[-1][1] is True


def test_light_that_cannot_be_cancelled_is_told(bench: Bench) -> None:
    bench.body.show(Surface(200, 100, ambient_na=150_000))
    bench.start()
    bench.write((INTR_ENABLE_1, ALC_OVF))
    bench.wait(100)
    assert not bench.get(INTR_STATUS_1) & ALC_OVF
    assert bench.samples(1)[0][1] == pytest.approx(44_800 + 300 / 0.015625, abs=50)
    bench.body.show(Surface(200, 100, ambient_na=300_000))
    bench.wait(100)
    assert bench.levels[-1][1] is False
    assert bench.get(INTR_STATUS_1) & ALC_OVF


def test_in_proximity_mode_it_waits_for_skin_and_then_begins(bench: Bench) -> None:
    bench.body.show(AIR)
    bench.read(INTR_STATUS_1)
    bench.write((INTR_ENABLE_1, PROX_INT), (PILOT_PA, 35), (PROX_INT_THRESH, 40))
    bench.start()
    bench.wait(5000)
    assert bench.waiting() == 0
    bench.body.show(PLAIN)
    bench.wait(200)
    assert bench.levels[-1][1] is False
    assert bench.get(INTR_STATUS_1) & PROX_INT
    bench.wait(100)
    assert bench.waiting() >= 10


@pytest.mark.parametrize("die_c", [36.5625, 0.0, -3.25])
def test_its_temperature_is_told_once_for_each_question(bench: Bench, die_c: float) -> None:
    bench.chip.die_c = die_c
    bench.read(INTR_STATUS_1)
    bench.write((INTR_ENABLE_2, DIE_TEMP_RDY), (TEMP_CONFIG, 1))
    assert bench.get(INTR_STATUS_2) == 0
    bench.wait(30)
    assert bench.levels[-1][1] is False
    assert bench.get(INTR_STATUS_2) == DIE_TEMP_RDY
    assert bench.get(TEMP_CONFIG) == 0
    whole = bench.get(TEMP_INTR)
    told_c = (whole - 256 if whole & 0x80 else whole) + bench.get(TEMP_FRAC) / 16
    assert told_c == die_c


def test_a_day_of_nobody_looking_costs_nothing(bench: Bench) -> None:
    bench.start()
    bench.wait(86_400_000)
    assert bench.get(OVF_COUNTER) == 31
    assert bench.waiting() == 0, "32, which the pointers cannot tell from none"


def test_the_light_moves_with_the_wrist(bench: Bench) -> None:
    bench.start(fifo=0x50)
    bench.wait(400)
    still = bench.samples(10)
    bench.body.wear(Motion(52, [(800 * (i % 12 < 6), 0, 1000) for i in range(200)]))
    bench.wait(2000)
    bench.samples(bench.waiting() or 32)
    bench.wait(400)
    moved = bench.samples(10)
    for colour in (0, 1):
        assert max(s[colour] for s in still) - min(s[colour] for s in still) < 20
        assert max(s[colour] for s in moved) - min(s[colour] for s in moved) > 500


@pytest.mark.parametrize("fault", chip_registers.FAULTS)
def test_every_fault_can_be_seen_on_the_bus_or_the_wire(bench: Bench, fault: str) -> None:
    bench.start(fifo=0x5F)
    bench.write((INTR_ENABLE_1, A_FULL))
    bench.chip.fault = fault
    bench.wait(900)
    data = bench.read(FIFO_DATA, 6 * 20)
    bench.read(INTR_STATUS_1)
    level = bench.levels[-1][1] if bench.levels else True
    seen = {
        "silent": not bench.chip.answers,
        "identity": bench.get(PART_ID) != 0x15,
        "short": data.endswith(b"\xff" * 9),
        "stuck": len({data[at : at + 6] for at in range(0, 120, 6)}) == 1,
        "dark": not any(data),
        "unwired": not bench.levels,
        "shorted": not level,
    }
    bench.write((MODE_CONFIG, RESET))
    seen["no reset"] = bench.get(MODE_CONFIG) != 0
    bench.start(fifo=0x10)
    bench.wait(100)
    seen["stopped"] = bench.waiting() == 0
    assert seen[fault]
    others = {name for name, is_seen in seen.items() if is_seen} - {fault}
    also = {"stopped": {"unwired", "stuck", "dark"}, "dark": {"stuck"}, "silent": {"dark"}}
    assert others <= also.get(fault, set()), others


class Bus:
    """The I2C interface that SparkFun's drivers are handed; each access takes a millisecond."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def isDeviceConnected(self, address: int) -> bool:  # noqa: N802 - their name
        return address == self._bench.chip.ADDRESS

    def readByte(self, address: int, register: int) -> int:  # noqa: N802
        return self.readBlock(address, register, 1)[0]

    def readBlock(self, address: int, register: int, count: int) -> list[int]:  # noqa: N802
        assert address == self._bench.chip.ADDRESS
        self._bench.wait(1)
        return list(self._bench.read(register, count))

    def writeByte(self, address: int, register: int, byte: int) -> bool:  # noqa: N802
        assert address == self._bench.chip.ADDRESS
        self._bench.wait(1)
        self._bench.write((register, byte))
        return True


def test_another_driver_finds_configures_and_reads_the_chip(bench: Bench) -> None:
    driver: Any = importlib.import_module("qwiic_max3010x").QwiicMax3010x(i2c_driver=Bus(bench))
    driver.millis = lambda: round(bench.now_ms)  # its limits are in our time, too
    assert driver.begin()
    assert driver.readPartID() == 0x15
    driver.readRevisionID()
    assert driver.getRevisionID() == 3
    assert driver.softReset()
    driver.setup(powerLevel=35, sampleAverage=4, ledMode=2, sampleRate=100)
    bench.wait(400)
    assert driver.getIR() == pytest.approx(44_800, abs=20)
    bench.wait(200)
    assert driver.getRed() == pytest.approx(89_600, abs=40)
    bench.body.show(Surface(200, 150))
    bench.wait(200)
    driver.check()
    assert driver.getIR() == pytest.approx(67_200, abs=20)
    driver.enableAFULL()
    bench.wait(2000)
    assert driver.getINT1() & A_FULL
    driver.shutDown()
    assert not bench.chip.shines
    driver.wakeUp()
    assert bench.chip.shines
    bench.chip.die_c = 31.5
    assert driver.readTemperature() == 31.5
    driver.clearFIFO()
    assert (driver.getWritePointer(), driver.getReadPointer()) == (0, 0)
