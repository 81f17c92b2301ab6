# SPDX-License-Identifier: Apache-2.0
"""Adafruit's LSM6DS driver on the simulated chip; run by .venv-oracle's Python. Prints JSON."""

from __future__ import annotations

import json
import time

from adafruit_lsm6ds import (  # type: ignore[import-not-found,unused-ignore]
    AccelRange,
    Rate,
)
from adafruit_lsm6ds.lsm6dsox import LSM6DSOX  # type: ignore[import-not-found,unused-ignore]

from hardware.simulated.chips.lsm6dso import LSM6DSO
from hardware.simulated.wearer import INTO_POSTURE_MS, Motion, Wearer
from tests.hardware.circuitpython_bus import Bus

now_ms = 100.0
body = Wearer(lambda: now_ms)
chip = LSM6DSO(lambda: now_ms, lambda _ms, _function: None, body)


def pass_time(seconds: float) -> None:
    """The driver waits in our time."""
    global now_ms  # noqa: PLW0603 - a script
    now_ms += 1000 * seconds


def main() -> None:
    """Everything that the test wants to know."""
    time.sleep = pass_time  # type: ignore[assignment]
    driver = LSM6DSOX(Bus(chip))
    ranges = [AccelRange.string[driver.accelerometer_range]]
    driver.accelerometer_range = AccelRange.RANGE_16G
    ranges = []
    accelerations = []
    for name in ("16G", "2G", "4G", "8G", "16G"):
        driver.accelerometer_range = getattr(AccelRange, f"RANGE_{name}")
        ranges.append(AccelRange.string[driver.accelerometer_range])
        pass_time(0.1)
        accelerations.append(driver.acceleration)
    driver.accelerometer_data_rate = Rate.RATE_52_HZ
    chip.catch_up()
    body.wear(Motion(52, [(500, 0, -1000)]))
    chip.changed()
    pass_time(INTO_POSTURE_MS / 1000 + 0.1)
    found = {
        "ranges": ranges,
        "accelerations": accelerations,
        "tilted": driver.acceleration,
        "gyro": driver.gyro,
        "rate_hz": Rate.string[driver.accelerometer_data_rate],
    }
    driver.accelerometer_range = AccelRange.RANGE_2G
    chip.catch_up()
    body.wear(Motion(52, [(0, 7000, 0)]))
    chip.changed()
    pass_time(INTO_POSTURE_MS / 1000 + 0.1)
    found["clipped"] = driver.acceleration[1]
    print(json.dumps(found))  # noqa: T201 - the answer


main()
