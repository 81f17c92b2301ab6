# SPDX-License-Identifier: Apache-2.0
"""Adafruit's PN532 driver on the simulated reader; run by .venv-oracle's Python. Prints JSON."""

from __future__ import annotations

import json
import time
from typing import Any

from adafruit_pn532.i2c import PN532_I2C  # type: ignore[import-not-found,unused-ignore]

from hardware.simulated.chips.ntag213 import Ntag213
from hardware.simulated.chips.ntag424 import APPLICATION, Ntag424
from tests.hardware.circuitpython_bus import Bus
from tests.hardware.nfc_bench import Bench

bench = Bench(normal=False)


def monotonic() -> float:
    """Each look at the clock takes a moment."""
    bench.wait(0.1)
    return bench.now_ms / 1000


def pass_time(seconds: float) -> None:
    """The driver waits in our time."""
    bench.wait(1000 * seconds)


class Reset:
    """digitalio's pin at RSTPDN."""

    def switch_to_output(self) -> None:
        """It is one."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "value":
            bench.chip.reset(value)


def shown(data: bytes | None) -> str | None:
    return None if data is None else bytes(data).hex()


def refusal(driver: Any, fault: str) -> str:
    """How the driver ends with a chip so broken."""
    bench.chip.fault = fault
    try:
        _ = driver.firmware_version
    except RuntimeError as error:
        return "wrong checksum" if "checksum" in str(error) else "no answer"
    finally:
        bench.chip.fault = None
    return ""


def main() -> None:
    """Everything that the test wants to know."""
    time.sleep = pass_time  # type: ignore[assignment]
    time.monotonic = monotonic
    field = bench.chip.field
    driver = PN532_I2C(Bus(bench.chip), reset=Reset())
    driver.SAM_configuration()
    found: dict[str, Any] = {"version": list(driver.firmware_version)}
    found["nobody"] = shown(driver.read_passive_target(timeout=0.5))
    plain, smart = (
        Ntag213(bytes.fromhex("04112233445566")),
        Ntag424(bytes.fromhex("04de5f1eacc040"), bytes(16), bytes(16)),
    )
    field.hold(plain)
    found["plain"] = shown(driver.read_passive_target(timeout=0.5))
    found["page"] = shown(driver.ntag2xx_read_block(6))
    driver.ntag2xx_write_block(6, b"\x0b\xad\xca\xfe")
    found["written"] = shown(driver.ntag2xx_read_block(6))
    field.take(plain)
    found["gone"] = shown(driver.ntag2xx_read_block(6))
    field.hold(smart)
    found["smart"] = shown(driver.read_passive_target(timeout=0.5))
    select = [1, 0x00, 0xA4, 0x04, 0x00, len(APPLICATION), *APPLICATION, 0x00]
    answer = driver.call_function(0x40, params=select, response_length=255)
    found["selected"] = shown(answer[1:])
    found["asleep"] = []
    for sleeper in (PN532_I2C(Bus(bench.chip)), driver):
        sleeper.power_down()
        found["asleep"].append(bench.chip.state)
    found["again"] = shown(driver.read_passive_target(timeout=0.5))
    found["refused"] = [refusal(driver, fault) for fault in ("mute", "checksum")]
    print(json.dumps(found))  # noqa: T201 - the answer


main()
