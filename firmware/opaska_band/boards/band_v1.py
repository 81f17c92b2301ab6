# SPDX-License-Identifier: Apache-2.0
# The wiring of band v1: the only pin numbers of the firmware, equal to
# hardware/band_v1/pinout.toml. An output or bus is made when it is asked for; whoever needs one
# asks once.

import machine
from esp32 import NVS
from machine import ADC, I2C, PWM, UART, Pin, TouchPad
from micropython import const

from opaska_band.drivers.patient_i2c import PatientI2C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = "band_v1"

_SOS_BUTTON = const(1)  # to ground, wakes the chip
_MOTOR = const(2)
_BUZZER = const(4)
_LED_RED = const(5)
_LED_GREEN = const(6)
_LED_BLUE = const(7)
_I2C_SDA = const(8)
_I2C_SCL = const(9)
_MODEM_POWER_KEY = const(10)
_STRAP_SENSE = const(11)
_MODEM_DTR = const(12)
_STRAP_PAD = const(13)
_IMU_INT1 = const(14)
_OXIMETER_INT = const(15)
_STRAP_LOOP = const(16)
_MODEM_TX = const(17)
_MODEM_RX = const(18)
_MODEM_RING = const(21)  # low before the modem speaks to a host that sleeps
_NFC_IRQ = const(38)
_NFC_RESET = const(39)  # low cuts the reader's current
_CHARGER_STATUS = const(41)  # low on the charger, also when the cell is full

_MOTOR_HZ = const(200)  # above what the motor follows, below what its driver heats at
_BUZZER_HZ = const(1_000)  # changed by every tone
_LED_HZ = const(1_000)  # no flicker
_I2C_HZ = const(400_000)  # fast mode, which every chip on the bus knows
_MODEM_BAUD = const(115_200)  # EG915U default
# 11,520 bytes a second: room for 178 ms in which nobody reads, as while the flash is erased or
# garbage collected. A packet of 1,500 bytes, escaped and framed, is 1,700. Not on our heap.
_MODEM_RXBUF = const(2_048)

# MicroPython's numbers are those of a boot report: power on, hard, watchdog, deep sleep, soft.
_LAST_CAUSE = machine.SOFT_RESET
_UNKNOWN_CAUSE = const(7)


class WakePin:
    """An input that ends light sleep, used as a Pin is. No interrupt comes while the chip sleeps:
    sleep.py tells `handler` of the edge that came meanwhile."""

    IRQ_FALLING = Pin.IRQ_FALLING
    IRQ_RISING = Pin.IRQ_RISING

    def __init__(self, gpio: int, pull: "int | None") -> None:
        self.pin = Pin(gpio, Pin.IN, pull)  # pyright: ignore[reportArgumentType] - None: no pull
        self.pull = pull
        self.handler: "Any" = None  # None: nobody wants to be woken by it
        self.trigger = Pin.IRQ_FALLING | Pin.IRQ_RISING

    def value(self) -> int:
        return self.pin.value()

    def irq(self, handler: "Any" = None, trigger: int = Pin.IRQ_FALLING | Pin.IRQ_RISING) -> None:
        """As of a Pin."""
        self.handler, self.trigger = handler, trigger
        self.pin.irq(handler, trigger)


class Board:
    def __init__(self) -> None:
        self.sos_button = WakePin(_SOS_BUTTON, Pin.PULL_UP)
        self.imu_int1 = WakePin(_IMU_INT1, Pin.PULL_UP)
        self.oximeter_int = WakePin(_OXIMETER_INT, Pin.PULL_UP)
        self.modem_ring = WakePin(_MODEM_RING, Pin.PULL_UP)
        self.strap_loop = WakePin(_STRAP_LOOP, None)
        # Never call its `irq`: `wake_on_gpio` would make that one of the level, without an end.
        self.charger_status = WakePin(_CHARGER_STATUS, Pin.PULL_UP)
        self.nvs = NVS("opaska")

    @staticmethod
    def watchdog(timeout_ms: int) -> "Any":
        """Started once, before anything else; whoever has it feeds it."""
        return machine.WDT(timeout=timeout_ms)

    @staticmethod
    def restart() -> None:
        """A new start, at once."""
        machine.reset()

    def reset_cause(self) -> int:
        """As a boot report names it."""
        cause = machine.reset_cause()
        return cause if 1 <= cause <= _LAST_CAUSE else _UNKNOWN_CAUSE

    def feed_from_timer(self, watchdog: "Any", every_ms: int) -> None:
        """For the bench, when a human at the REPL has stopped whoever fed it."""
        feed = machine.Timer(0)
        feed.init(period=every_ms, mode=feed.PERIODIC, callback=lambda _: watchdog.feed())

    def note(self, name: str) -> None:
        """A pattern starts: for the log of a simulated board, nothing on a real one."""
        note = getattr(machine, "note", None)
        if note:
            note(name)

    @property
    def motor(self) -> PWM:
        return PWM(Pin(_MOTOR), freq=_MOTOR_HZ, duty_u16=0)

    @property
    def buzzer(self) -> PWM:
        return PWM(Pin(_BUZZER), freq=_BUZZER_HZ, duty_u16=0)

    @property
    def led(self) -> "list[PWM]":
        """Red, green, blue."""
        pins = (_LED_RED, _LED_GREEN, _LED_BLUE)
        return [PWM(Pin(pin), freq=_LED_HZ, duty_u16=0) for pin in pins]

    @property
    def i2c(self) -> PatientI2C:
        return PatientI2C(I2C(0, sda=Pin(_I2C_SDA), scl=Pin(_I2C_SCL), freq=_I2C_HZ))

    @property
    def modem_uart(self) -> UART:
        tx, rx = Pin(_MODEM_TX), Pin(_MODEM_RX)
        return UART(1, baudrate=_MODEM_BAUD, tx=tx, rx=rx, rxbuf=_MODEM_RXBUF)

    @property
    def modem_power_key(self) -> Pin:
        return Pin(_MODEM_POWER_KEY, Pin.OUT, value=0)

    @property
    def modem_dtr(self) -> Pin:
        return Pin(_MODEM_DTR, Pin.OUT, value=0)

    @property
    def strap_sense(self) -> ADC:
        """To 3.1 V."""
        return ADC(Pin(_STRAP_SENSE), atten=ADC.ATTN_11DB)

    @property
    def strap_pad(self) -> TouchPad:
        return TouchPad(Pin(_STRAP_PAD))

    @property
    def nfc_irq(self) -> Pin:
        return Pin(_NFC_IRQ, Pin.IN, Pin.PULL_UP)

    @property
    def nfc_reset(self) -> Pin:
        return Pin(_NFC_RESET, Pin.OUT, value=0)
