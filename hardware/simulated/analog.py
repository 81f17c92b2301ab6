# SPDX-License-Identifier: Apache-2.0
# machine.ADC and machine.TouchPad as on an ESP32-S3; what they measure is on the board around the
# chip (wiring.py), and answers over the control line.

import control
from micropython import const
from pins import number

_TOUCH_PINS = const(15)  # GPIO 1 to 14
_ADC_PINS = const(21)  # GPIO 1 to 20


class TouchPad:
    """The count rises with touch, where that of an ESP32 falls."""

    def __init__(self, pin):
        self._gpio = number(pin)
        if not 0 < self._gpio < _TOUCH_PINS:
            raise ValueError("invalid pin for touchpad")

    def read(self):
        return control.ask("touch", self._gpio) or 0

    def config(self, threshold):
        pass


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3  # to 3.1 V

    def __init__(self, pin, *, atten=0):
        self._gpio = number(pin)
        if not 0 < self._gpio < _ADC_PINS:
            raise ValueError("invalid pin")
        self._most_uv = (950_000, 1_250_000, 1_750_000, 3_100_000)[atten]

    def read_uv(self):
        return min(control.ask("adc", self._gpio) or 0, self._most_uv)
