# SPDX-License-Identifier: Apache-2.0
"""The board around the ESP32-S3: which chip sits on which pin. Runs on CPython, in the supervisor,
so that chips take nothing of the band's heap. Checked against hardware/band_v1/pinout.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .chips.eg915u import DATA, EG915U
from .chips.eg915u_radio import Radio
from .chips.lsm6dso import LSM6DSO
from .chips.max17048 import MAX17048
from .chips.max30102 import MAX30102
from .chips.pn532 import PN532
from .chips.strap import Strap
from .optics import AIR, TABLE
from .wearer import Wearer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .chips.max30102_light import Light
    from .optics import Source
    from .wearer import Motion

PINS = {
    "sos_button": 1,
    "motor": 2,
    "buzzer": 4,
    "led_red": 5,
    "led_green": 6,
    "led_blue": 7,
    "i2c_sda": 8,
    "i2c_scl": 9,
    "modem_power_key": 10,
    "strap_sense": 11,
    "modem_dtr": 12,
    "strap_pad": 13,
    "imu_int1": 14,
    "oximeter_int": 15,
    "strap_loop": 16,
    "modem_tx": 17,
    "modem_rx": 18,
    "modem_ring": 21,
    "nfc_irq": 38,
    "nfc_reset": 39,
    "gauge_alert": 40,
    "charger_status": 41,
}
_WHITE = ("table", "sleeve", "glove")  # touches that are no skin and give back light
# What the wearer feels, hears and sees.
FELT = {PINS[name]: name for name in ("motor", "buzzer", "led_red", "led_green", "led_blue")}


class Processor(Protocol):
    """What the board can do to the chip, and what it needs to live."""

    def drive(self, gpio: int, level: int | None) -> None: ...
    def uart(self, tx: int, data: bytes) -> None: ...
    def call(self, open_: bool) -> None: ...
    def transmit(self) -> None: ...
    def after(self, ms: float, function: Callable[[], None]) -> None: ...
    def now_ms(self) -> float: ...
    def utc(self) -> tuple[int, int, int, int, int, int]: ...


class Chip(Protocol):
    """On the I2C bus."""

    def write(self, data: bytes) -> bool: ...
    def read(self, count: int) -> bytes: ...


class Wiring:
    """The chips, and what reaches them from the processor's pins."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self.gauge = MAX17048()
        self.gauge.on_alert = self._alert
        self.wearer = Wearer(processor.now_ms)
        self.strap = Strap(
            processor.now_ms, lambda level: processor.drive(PINS["strap_loop"], level)
        )
        self.imu = LSM6DSO(processor.now_ms, processor.after, self.wearer)
        self.imu.on_int1 = lambda high: processor.drive(PINS["imu_int1"], int(high))
        self.oximeter = MAX30102(processor.now_ms, processor.after, self)
        self.oximeter.on_int = lambda high: processor.drive(
            PINS["oximeter_int"], None if high else 0
        )
        self.nfc = PN532(processor.now_ms, processor.after)
        self.nfc.on_irq = lambda high: processor.drive(PINS["nfc_irq"], None if high else 0)
        self.modem = EG915U(processor.after, processor.utc)
        self.modem.to_host = lambda data: processor.uart(PINS["modem_tx"], data)
        self.modem.on_change = self._tell_call
        self.modem.sleep.on_ring = lambda low: processor.drive(
            PINS["modem_ring"], 0 if low else None
        )
        self.radio = Radio(self.modem, processor.after, processor.now_ms, processor.transmit)
        self.modem.on_ppp = self.radio.heard_ppp
        self._in_call = False

    def power_on(self) -> None:
        """The supply is there: the modem's PWRKEY is pressed by an RC."""
        self.modem.power_on()
        self.imu.power_on()
        self.oximeter.power_on()

    def power_off(self) -> None:
        """Every chip forgets."""
        self.modem.power_off()
        self.imu.power_off()
        self.oximeter.power_off()
        self.nfc.reset(False)

    def processor_reset(self) -> None:
        """All outputs of the processor float; DTR is pulled up in the modem, RSTPDN is pulled
        down on the board."""
        self.modem.power_key(False)
        self.modem.data_terminal_ready(False)
        self.nfc.reset(False)

    def charging(self, on: bool) -> None:
        """The charger's STAT pin."""
        self._processor.drive(PINS["charger_status"], 0 if on else None)

    def light(self, at_ms: float) -> Light:
        """What comes back to the oximeter: of what is under the strap."""
        if self.strap.is_on_skin:
            return self.wearer.light(at_ms)
        return TABLE.light(0) if self.strap.touch in _WHITE else AIR.light(0)

    def show(self, source: Source | None) -> None:
        """What is in front of the oximeter from now on; None: the air."""
        self.oximeter.catch_up()
        self.wearer.show(source)

    def wear(self, motion: Motion) -> float:
        """The wearer goes through this recording: when it begins, in ms."""
        self.imu.catch_up()
        self.oximeter.catch_up()
        begin_ms = self.wearer.wear(motion)
        self.imu.changed()
        return begin_ms

    def imu_fault(self, fault: str | None) -> None:
        """One of the chip's FAULTS, or none any more."""
        self.imu.catch_up()
        self.imu.fault = fault
        self.imu.changed()

    def output(self, gpio: int, high: bool) -> None:
        """An output of the processor has changed."""
        if gpio == PINS["modem_power_key"]:
            self.modem.power_key(high)
        elif gpio == PINS["modem_dtr"]:
            self.modem.data_terminal_ready(not high)
        elif gpio == PINS["nfc_reset"]:
            self.nfc.reset(high)

    def i2c_chips(self, scl: int, sda: int) -> dict[int, Chip]:
        """The chips that answer on the bus on these pins, by address."""
        if (scl, sda) != (PINS["i2c_scl"], PINS["i2c_sda"]):
            return {}
        chips: dict[int, Chip] = {}
        if self.gauge.answers:
            chips[self.gauge.ADDRESS] = self.gauge
        if self.oximeter.answers:
            chips[self.oximeter.ADDRESS] = self.oximeter
        if self.imu.answers:
            chips[self.imu.ADDRESS] = self.imu
        if self.nfc.answers:
            chips[self.nfc.ADDRESS] = self.nfc
        return chips

    def i2c(self, scl: int, sda: int, address: int, data: bytes, count: int) -> bytes | None:
        """One transfer: write, then read. None: not acknowledged."""
        chip = self.i2c_chips(scl, sda).get(address)
        if chip is None or (data and not chip.write(data)):
            return None
        return bytes(chip.read(count)) if count else b""

    def adc_uv(self, gpio: int) -> int:
        """The voltage on the pin."""
        return self.strap.loop_uv() if gpio == PINS["strap_sense"] else 0

    def touch_count(self, gpio: int) -> int:
        """One measurement of the touch sensor on the pin."""
        return self.strap.pad_count() if gpio == PINS["strap_pad"] else 0

    def uart(self, tx: int, rx: int, data: bytes) -> None:
        """Bytes that the processor has sent."""
        if (tx, rx) == (PINS["modem_tx"], PINS["modem_rx"]):
            self.modem.from_host(data)

    def hang_up(self) -> None:
        """The band has ended PPP, which ends the call."""
        self.modem.hang_up()

    def _alert(self, low: bool) -> None:
        self._processor.drive(PINS["gauge_alert"], 0 if low else None)

    def _tell_call(self) -> None:
        in_call = self.modem.state == DATA
        if in_call != self._in_call:
            self._in_call = in_call
            self._processor.call(in_call)
