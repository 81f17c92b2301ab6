# SPDX-License-Identifier: Apache-2.0
"""One pin table: hardware/band_v1/pinout.toml; the board file and the simulated wiring agree."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from hardware.simulated.wiring import FELT, PINS
from opaska_tools.simulator.places import FIRMWARE, ROOT

PINOUT = ROOT / "hardware" / "band_v1" / "pinout.toml"
BOARD_FILE = FIRMWARE / "opaska_band" / "boards" / "band_v1.py"
FORBIDDEN = {
    0,
    3,
    19,
    20,
    45,
    46,
    *range(22, 38),
    43,
    44,
}  # strapping, USB, flash and PSRAM, console
RTC_GPIOS = range(22)  # may wake the chip from deep sleep
TOUCH_GPIOS = range(1, 15)


def pinout() -> list[dict[str, Any]]:
    pins: list[dict[str, Any]] = tomllib.loads(PINOUT.read_text())["pin"]
    return pins


def used() -> dict[str, int]:
    return {pin["name"]: pin["gpio"] for pin in pinout() if not pin.get("reserved")}


def board_file_pins() -> dict[str, int]:
    """The private constants at the top of the board file that are GPIO numbers."""
    names = {pin["name"] for pin in pinout()}
    constants = re.findall(r"^_([A-Z0-9_]+) = (?:const\()?(\d+)\b", BOARD_FILE.read_text(), re.M)
    return {name.lower(): int(gpio) for name, gpio in constants if name.lower() in names}


def test_every_line_of_the_table_is_complete() -> None:
    for pin in pinout():
        assert set(pin) - {"reserved"} == {
            "name",
            "gpio",
            "direction",
            "pull",
            "active",
            "function",
            "note",
        }
        assert pin["direction"] in ("in", "out", "bus", "touch")
        assert pin["pull"] in ("up", "none")
        assert pin["active"] in ("low", "high", "none")


def test_no_name_and_no_pin_is_used_twice() -> None:
    names = [pin["name"] for pin in pinout()]
    gpios = [pin["gpio"] for pin in pinout()]
    assert len(set(names)) == len(names)
    assert len(set(gpios)) == len(gpios)
    assert not FORBIDDEN & set(gpios)


def test_pins_can_do_what_they_are_for() -> None:
    gpio = {pin["name"]: pin["gpio"] for pin in pinout()}
    for waker in ("sos_button", "imu_int1", "strap_loop", "modem_ring"):
        assert gpio[waker] in RTC_GPIOS
    assert gpio["strap_pad"] in TOUCH_GPIOS


def test_the_simulated_wiring_is_the_table() -> None:
    assert used() == PINS
    assert set(FELT) <= set(PINS.values())


def test_the_firmwares_board_file_has_the_tables_numbers() -> None:
    in_code = board_file_pins()
    table = {pin["name"]: pin["gpio"] for pin in pinout()}
    assert in_code.items() <= table.items()
    # what the firmware does not use yet may be missing there
    assert {name for name in used() if name not in in_code} <= {"gauge_alert"}


def test_the_firmwares_pulls_are_the_tables() -> None:
    source = BOARD_FILE.read_text()
    for pin in pinout():
        constant = f"_{pin['name'].upper()},"
        if constant in source and pin["direction"] == "in" and f"Pin({constant}" in source:
            call = source[source.index(f"Pin({constant}") :].split(")")[0]
            assert ("PULL_UP" in call) == (pin["pull"] == "up"), pin["name"]
