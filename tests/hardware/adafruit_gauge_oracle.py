# SPDX-License-Identifier: Apache-2.0
"""Adafruit's MAX1704x driver on the simulated gauge; run by .venv-oracle's Python. Prints JSON."""

from __future__ import annotations

import json

import adafruit_max1704x  # type: ignore[import-not-found,unused-ignore]

from hardware.simulated.chips.max17048 import MAX17048, VERSION
from tests.hardware.circuitpython_bus import Bus


def refusal(chip: MAX17048) -> str:
    """Why the driver does not take this chip."""
    try:
        adafruit_max1704x.MAX17048(Bus(chip))
    except RuntimeError:
        return "another chip"
    except (OSError, ValueError):
        return "no answer"
    return ""


def main() -> None:
    """Everything that the test wants to know."""
    chip = MAX17048(73, 3912)
    driver = adafruit_max1704x.MAX17048(Bus(chip))
    chip.set(73, 3912, -2.08)
    driver.voltage_alert_min, driver.voltage_alert_max = 3.2, 4.1
    driver.reset_voltage = 2.8
    alerts = [driver.active_alert]
    found = {
        "version": driver.chip_version,
        "volts": driver.cell_voltage,
        "percent": driver.cell_percent,
        "rate": driver.charge_rate,
        "limits": [driver.voltage_alert_min, driver.voltage_alert_max],
        "reset_volts": driver.reset_voltage,
    }
    chip.set(3, 3400)
    found["alert"] = [*alerts, driver.active_alert]
    other, silent = MAX17048(), MAX17048()
    other.stuck[VERSION] = 0x0020
    silent.answers = False
    found["refused"] = [refusal(other), refusal(silent)]
    print(json.dumps(found))  # noqa: T201 - the answer


main()
