# SPDX-License-Identifier: Apache-2.0
"""The simulated fuel gauge by its data sheet, and in the hands of a driver that is not ours."""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hardware.simulated.chips.max17048 import (
    CMD,
    CONFIG,
    CRATE,
    HIBRT,
    MAX17048,
    SOC,
    STATUS,
    VALRT,
    VCELL,
    VERSION,
    VRESET_ID,
)

ROOT = Path(__file__).parents[2]
ORACLE = ROOT / ".venv-oracle" / "bin" / "python"


def read(chip: MAX17048, register: int) -> int:
    assert chip.write(bytes([register]))
    return int.from_bytes(chip.read(2), "big")


def write(chip: MAX17048, register: int, word: int) -> bool:
    return chip.write(bytes([register]) + word.to_bytes(2, "big"))


@pytest.mark.parametrize("millivolts", [2500, 3300, 3712, 4200, 5000])
def test_cell_voltage_is_told_in_steps_of_78_microvolts(millivolts: int) -> None:
    chip = MAX17048(50, millivolts)
    assert read(chip, VCELL) * 78.125 / 1000 == pytest.approx(millivolts, abs=0.079)


@pytest.mark.parametrize("percent", [0, 0.5, 4, 57.25, 100])
def test_charge_is_told_in_percent_and_256ths(percent: float) -> None:
    chip = MAX17048(percent, 3800)
    assert read(chip, SOC) == percent * 256


@pytest.mark.parametrize("percent_per_hour", [-20.8, -0.208, 0, 0.208, 35])
def test_rate_is_told_with_its_sign(percent_per_hour: float) -> None:
    chip = MAX17048()
    chip.set(50, 3800, percent_per_hour)
    word = read(chip, CRATE)
    signed = word - 0x10000 if word & 0x8000 else word
    assert signed * 0.208 == pytest.approx(percent_per_hour, abs=0.104)


def test_registers_begin_as_the_data_sheet_says() -> None:
    chip = MAX17048()
    begin = {VERSION: 0x0012, HIBRT: 0x8030, CONFIG: 0x971C, VALRT: 0x00FF, STATUS: 0x0100}
    assert {register: read(chip, register) for register in begin} == begin


def test_measured_registers_cannot_be_written() -> None:
    chip = MAX17048(50, 3800)
    before = [read(chip, register) for register in (VCELL, SOC, VERSION, CRATE)]
    for register in (VCELL, SOC, VERSION, CRATE):
        assert write(chip, register, 0xFFFF)
    assert [read(chip, register) for register in (VCELL, SOC, VERSION, CRATE)] == before
    assert write(chip, VRESET_ID, 0x1234)
    assert read(chip, VRESET_ID) == 0x1200, "the low byte is the chip's number"


def test_reading_goes_on_over_registers() -> None:
    chip = MAX17048(50, 3800)
    chip.write(bytes([VCELL]))
    assert chip.read(6) == bytes(
        [*read(chip, VCELL).to_bytes(2, "big"), *read(chip, SOC).to_bytes(2, "big"), 0, 0]
    )


def test_alert_comes_once_when_the_charge_falls_below_the_threshold() -> None:
    told: list[bool] = []
    chip = MAX17048(50, 3800)
    chip.on_alert = told.append
    write(chip, CONFIG, 0x9700 | (32 - 20))  # below 20 %
    chip.set(20, 3600)
    assert told == []
    chip.set(19.9, 3600)
    chip.set(10, 3500)
    assert told == [True]
    assert read(chip, STATUS) & 0x1000
    write(chip, CONFIG, read(chip, CONFIG) & ~0x20)
    assert told == [True, False]


def test_reset_is_not_acknowledged_and_keeps_the_cell() -> None:
    chip = MAX17048(42, 3700)
    write(chip, CONFIG, 0x9710)
    write(chip, STATUS, 0)
    assert not write(chip, CMD, 0x5400)
    assert read(chip, CONFIG) == 0x971C
    assert read(chip, STATUS) == 0x0100
    assert read(chip, SOC) == 42 * 256
    assert write(chip, CMD, 0x1111)


def test_a_broken_gauge_says_the_same_whatever_the_cell_does() -> None:
    chip = MAX17048(42, 3700)
    chip.stuck[SOC] = 0xFFFF
    chip.set(10, 9_000)
    assert read(chip, SOC) == 0xFFFF
    assert read(chip, VCELL) == 0xFFFF, "the converter's end"


class Bus:
    """The I2C interface that SparkFun's drivers are handed."""

    def __init__(self, chip: MAX17048) -> None:
        self._chip = chip

    def isDeviceConnected(self, address: int) -> bool:  # noqa: N802 - their name
        return address == self._chip.ADDRESS

    def read_block(self, address: int, register: int, count: int) -> list[int]:
        assert address == self._chip.ADDRESS
        assert self._chip.write(bytes([register]))
        return list(self._chip.read(count))

    def write_block(self, address: int, register: int, data: list[int]) -> None:
        assert address == self._chip.ADDRESS
        if not self._chip.write(bytes([register, *data])):
            raise OSError("not acknowledged")


def test_another_driver_finds_and_reads_the_chip() -> None:
    driver_class: Any = importlib.import_module("qwiic_max1704x").QwiicMAX1704X
    chip = MAX17048(73, 3912)
    gauge: Any = driver_class(i2c_driver=Bus(chip), device_type=driver_class.kDeviceTypeMAX17048)
    assert gauge.begin()
    assert gauge.get_voltage() == pytest.approx(3.912, abs=0.001)
    assert gauge.get_soc() == pytest.approx(73)
    chip.set(73, 3912, -2.08)
    assert gauge.get_change_rate() == pytest.approx(-2.08, abs=0.1)
    assert gauge.get_version() & 0xFFF0 == 0x0010
    assert gauge.is_reset(clear=True)
    assert not gauge.is_reset()
    assert gauge.get_threshold() == 4
    gauge.set_threshold(15)
    assert gauge.get_threshold() == 15
    chip.set(14, 3500)
    assert gauge.get_alert(clear=True)
    assert not gauge.get_alert()
    assert gauge.is_low(clear=True)
    gauge.set_valrt_max(200)
    gauge.set_valrt_min(100)
    assert (gauge.get_valrt_min(), gauge.get_valrt_max()) == (100, 200)
    gauge.set_hibrt_hib_thr(0xAB)
    assert read(chip, HIBRT) == 0xAB30
    with pytest.raises(OSError, match="not acknowledged"):
        gauge.reset()
    assert gauge.get_threshold() == 4
    assert gauge.is_reset()


@pytest.mark.skipif(
    not ORACLE.exists(), reason="needs Adafruit's driver in .venv-oracle: make setup"
)
def test_adafruits_driver_resets_reads_and_configures_the_chip() -> None:
    done = subprocess.run(
        [ORACLE, Path(__file__).with_name("adafruit_gauge_oracle.py")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["version"] & 0xFFF0 == 0x0010
    assert found["volts"] == pytest.approx(3.912, abs=0.001)
    assert found["percent"] == 73
    assert found["rate"] == pytest.approx(-2.08, abs=0.1)
    assert found["limits"] == pytest.approx([3.2, 4.1])
    assert found["reset_volts"] == pytest.approx(2.8, abs=0.04)
    assert found["alert"] == [False, True]
    assert found["refused"] == ["another chip", "no answer"]
