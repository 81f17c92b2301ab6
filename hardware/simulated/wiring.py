# SPDX-License-Identifier: Apache-2.0
# The soldering: which chip sits on which pin of the simulated band. Checked against
# hardware/band_v1/pinout.toml; keep the two alike.

import json
import os

import clock
import control
import pins
import power
import utime
from chips.eg915u import EG915U
from chips.max17048 import MAX17048

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
    "modem_dtr": 12,
    "modem_tx": 17,
    "modem_rx": 18,
    "gauge_alert": 40,
    "charger_status": 41,
}
FELT = (
    "motor",
    "buzzer",
    "led_red",
    "led_green",
    "led_blue",
)  # what the wearer feels, hears, sees

gauge = MAX17048()
modem = EG915U(clock.after, lambda: utime.gmtime(clock.utc_s())[:6])
online = False  # PPP is up: the sockets work; set by network.py
on_hang_up: "Any" = None  # function(), told when no data call is left
_outputs = {}  # gpio -> [name, duty, hz] of what is felt
_wakers = []  # [gpio, level, slot] armed for the next sleep
_MODEM_FILE = power.path("modem.json")  # the modem has its own supply: a reset does not stop it


def i2c_chips(scl, sda):
    """Address -> chip of the bus on these pins."""
    ours = pins.number(scl) == PINS["i2c_scl"] and pins.number(sda) == PINS["i2c_sda"]
    return {gauge.ADDRESS: gauge} if ours else {}


def uart_chip(tx, rx):
    """The chip at the other end of these pins, or None."""
    ours = pins.number(tx) == PINS["modem_tx"] and pins.number(rx) == PINS["modem_rx"]
    return modem if ours else None


def set_wakers(slot, wake_pins, level):
    """Pins that end a sleep at this level; a new call for a slot replaces the former."""
    _wakers[:] = [waker for waker in _wakers if waker[2] != slot]
    _wakers.extend([pins.number(pin), 1 if level else 0, slot] for pin in wake_pins)


def wakers():
    return _wakers


def woken():
    """Whether a pin armed for it would end the sleep now."""
    return any(pins.level(gpio) == level for gpio, level, _ in _wakers)


def _output(gpio, duty, hz):
    if gpio in _outputs:
        felt = _outputs[gpio]
        if felt[1] != duty or felt[2] != hz:
            felt[1:] = duty, hz
            control.send({"t": clock.now(), "felt": felt[0], "duty": duty, "hz": hz})
    elif gpio == PINS["modem_power_key"]:
        modem.power_key(duty > 0)
    elif gpio == PINS["modem_dtr"]:
        modem.data_terminal_ready(duty == 0)


def _obey(name, value):
    if name == "pin":
        pins.drive(*value)
    elif name == "pins":
        for pin in value:
            pins.drive(*pin)
    elif name == "press":
        gpio, level, ms, number = value
        clock.after(ms, lambda: _press(gpio, None, "released", number))
        _press(gpio, level, "pressed", number)
    elif name == "battery":
        gauge.set(*value)
    elif name == "charging":
        pins.drive(PINS["charger_status"], 0 if value else 1)
    elif name == "modem":
        modem.set(**value)
    else:
        return False
    return True


def _press(gpio, level, event, number):
    control.send({"t": clock.now(), event: number})
    pins.drive(gpio, level)


def _modem_changed():
    with open(_MODEM_FILE, "w") as file:
        json.dump(modem.kept(), file)
    if on_hang_up and modem.state != 3:
        on_hang_up()


def _supply():
    modem.on_change = _modem_changed
    try:
        if power.cause == power.PWRON_RESET:
            os.remove(_MODEM_FILE)
        with open(_MODEM_FILE) as file:
            modem.resume(json.load(file))
    except OSError:
        modem.power_on()


for _name in FELT:
    _outputs[PINS[_name]] = [_name, 0, 0]
pins.on_output = _output
gauge.on_alert = lambda low: pins.drive(PINS["gauge_alert"], 0 if low else 1)
control.add(_obey)
_supply()
