# SPDX-License-Identifier: Apache-2.0
# The chip's pins: levels from inside and outside, edges, interrupts and PWM. The state of all pins
# lies in one small array, since the simulation shares the band's heap.

import clock
import control
import micropython
from micropython import const

_COUNT = const(49)
_LET_GO = const(2)  # in place of a level: nothing outside drives the pin

BY_GPIO = const(2)
wakers = []  # [gpio, level, slot] armed for sleep; slot 0: ext0, 1: ext1, BY_GPIO
asleep = False  # light sleep: nothing is heard
# Where in `_state` they begin, for each pin: its mode from 0 on,
_PULL = const(49)  # its pull,
_LATCH = const(98)  # what it drives as an output,
_WORLD = const(147)  # what something outside drives,
_RTC = const(196)  # 1: ext0 or ext1 watched it, and the RTC has it until `Pin.init`
_state = bytearray(5 * _COUNT)
_state[_WORLD:_RTC] = b"\x02" * _COUNT
_interrupts = {}  # gpio -> (handler, trigger, hard)
_pwm = {}  # gpio -> PWM
_told = {}  # gpio -> duty and frequency that the world knows, in one number
_HZ_BITS = const(26)


def level(gpio):
    """The level on the pin."""
    mode = _state[gpio]
    latch = _state[_LATCH + gpio]
    if mode == Pin.OUT or (mode == Pin.OPEN_DRAIN and not latch):
        return latch
    if _state[_WORLD + gpio] != _LET_GO:
        return _state[_WORLD + gpio]
    return 1 if _state[_PULL + gpio] == Pin.PULL_UP else 0


def number(pin):
    """GPIO number of a Pin or a number."""
    if isinstance(pin, Pin):
        return pin._gpio
    # 22 to 25 do not exist on the ESP32-S3, 26 to 32 belong to its flash
    if not 0 <= pin < _COUNT or 22 <= pin <= 32:
        raise ValueError("invalid pin")
    return pin


def woken():
    """Whether a pin armed for it ends the sleep now."""
    for gpio, to, _ in wakers:
        if level(gpio) == to:
            return True
    return False


def fall_asleep():
    """Light sleep begins: the clocks of PWM stand still, and pins that wake are the RTC's."""
    global asleep
    asleep = True
    for gpio, _, slot in wakers:
        _state[_RTC + gpio] = slot != BY_GPIO
    for gpio in _pwm:
        _tell(gpio)


def wake_up():
    """It is over. True: the watchdog resets us, since `wake_on_gpio` has made the interrupt of a
    pin one of its level, and the level lasts."""
    global asleep
    asleep = False
    for gpio in _pwm:
        _tell(gpio)
    for gpio, to, slot in wakers:
        if slot == BY_GPIO and gpio in _interrupts and level(gpio) == to:
            return True
    return False


def drive(gpio, to):
    """Something outside drives the pin to 0 or 1, or lets go of it (None)."""
    before = level(gpio)
    _state[_WORLD + gpio] = _LET_GO if to is None else to
    after = level(gpio)
    interrupt = None if asleep or _state[_RTC + gpio] else _interrupts.get(gpio)
    if interrupt and after != before:
        handler, trigger, hard = interrupt
        if trigger & (Pin.IRQ_RISING if after else Pin.IRQ_FALLING):
            pin = Pin(gpio)
            if hard:
                micropython.heap_lock()  # as in a hard interrupt: nothing may be allocated
            try:
                handler(pin)
            finally:
                if hard:
                    micropython.heap_unlock()


def _tell(gpio):
    """What the output drives, if that is new."""
    pwm = _pwm.get(gpio)
    if pwm:
        duty, hz = 0 if asleep else pwm._duty, pwm._freq
    elif _state[gpio] == Pin.OUT:
        duty, hz = 65535 * _state[_LATCH + gpio], 0
    else:
        return
    if _told.get(gpio) != duty << _HZ_BITS | hz:
        _told[gpio] = duty << _HZ_BITS | hz
        control.send({"t": clock.now(), "out": gpio, "duty": duty, "hz": hz})


def _obey(name, value):
    if name == "pin":
        drive(*value)
    elif name == "pins":
        for pin in value:
            drive(*pin)
    elif name == "press":
        gpio, to, ms, press = value
        clock.after(ms, lambda: _press("released", press, gpio, None))
        _press("pressed", press, gpio, to)
    else:
        return False
    return True


def _press(event, press, gpio, to):
    control.send({"t": clock.now(), event: press})
    drive(gpio, to)


class Pin:
    # numbers as on the ESP32
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    WAKE_LOW = 4
    WAKE_HIGH = 5

    def __init__(self, id, *settings, **named):
        self._gpio = number(id)
        self.init(*settings, **named)

    def init(self, mode=None, pull=-1, *, value=None, drive=None, hold=None):
        gpio = self._gpio
        if value is not None:
            _state[_LATCH + gpio] = 1 if value else 0
        if mode is not None:
            _state[gpio] = mode
            _state[_RTC + gpio] = 0
            _pwm.pop(gpio, None)
        if pull != -1:
            _state[_PULL + gpio] = pull or 0
        _tell(gpio)

    def value(self, to=None):
        if to is not None:
            self.init(value=to)
        return 0 if _state[_RTC + self._gpio] else level(self._gpio)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(not _state[_LATCH + self._gpio])

    def irq(self, handler=None, trigger=3, wake=None, hard=False):
        _interrupts[self._gpio] = handler and (handler, trigger, hard)
        return self

    def __eq__(self, other):
        return isinstance(other, Pin) and other._gpio == self._gpio

    def __hash__(self):
        return self._gpio


class PWM:
    """LEDC channel. As on the ESP32 it starts at once: at 5 kHz and half duty if not told."""

    def __init__(self, dest, freq=5000, duty=512, **settings):
        self._gpio = number(dest)
        _pwm[self._gpio] = self
        self._duty = 0
        self.init(freq, duty, **settings)

    def init(self, freq=None, duty=None, *, duty_u16=None, duty_ns=None):
        if freq is not None:
            if not 1 <= freq <= 40_000_000:
                raise ValueError("frequency must be from 1Hz to 40MHz")
            self._freq = freq
        if duty_ns is not None:
            duty_u16 = duty_ns * self._freq * 65536 // 1_000_000_000
        elif duty_u16 is None:
            duty_u16 = self._duty if duty is None else duty * 64
        self._duty = min(65535, max(0, duty_u16))
        _tell(self._gpio)

    def deinit(self):
        self._duty = 0
        _tell(self._gpio)
        _pwm.pop(self._gpio, None)

    def freq(self, hz=None):
        return self._freq if hz is None else self.init(hz)

    def duty(self, duty=None):
        return self._duty // 64 if duty is None else self.init(None, duty)

    def duty_u16(self, duty=None):
        return self._duty if duty is None else self.init(duty_u16=duty)


control.add(_obey)
