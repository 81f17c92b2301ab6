# SPDX-License-Identifier: Apache-2.0
# The chip's pins: levels from inside and outside, edges, interrupts and PWM. The state of all pins
# lies in four small arrays, since the simulation shares the band's heap.

import clock
import control
import micropython
from micropython import const

_COUNT = const(49)
_LET_GO = const(2)  # in _world: nothing outside drives the pin

BY_GPIO = const(2)
wakers = []  # [gpio, level, slot] armed for sleep; slot 0: ext0, 1: ext1, BY_GPIO
asleep = False  # light sleep: nothing is heard
_mode = bytearray(_COUNT)
_pull = bytearray(_COUNT)
_latch = bytearray(_COUNT)  # what an output drives
_world = bytearray(b"\x02" * _COUNT)  # what something outside drives
_rtc = bytearray(_COUNT)  # 1: ext0 or ext1 watched it, and the RTC has it until `Pin.init`
_interrupts = {}  # gpio -> (handler, trigger, hard)
_pwm = {}  # gpio -> PWM
_told = {}  # gpio -> (duty, hz) that the world knows


def level(gpio):
    """The level on the pin."""
    mode = _mode[gpio]
    if mode == Pin.OUT or (mode == Pin.OPEN_DRAIN and not _latch[gpio]):
        return _latch[gpio]
    if _world[gpio] != _LET_GO:
        return _world[gpio]
    return 1 if _pull[gpio] == Pin.PULL_UP else 0


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
    return any(level(waker[0]) == waker[1] for waker in wakers)


def fall_asleep():
    """Light sleep begins: the clocks of PWM stand still, and pins that wake are the RTC's."""
    global asleep
    asleep = True
    for gpio, _, slot in wakers:
        _rtc[gpio] = slot != BY_GPIO
    for gpio in _pwm:
        _tell(gpio)


def wake_up():
    """It is over. True: the watchdog resets us, since `wake_on_gpio` has made the interrupt of a
    pin one of its level, and the level lasts."""
    global asleep
    asleep = False
    for gpio in _pwm:
        _tell(gpio)
    return any(
        slot == BY_GPIO and gpio in _interrupts and level(gpio) == to for gpio, to, slot in wakers
    )


def drive(gpio, to):
    """Something outside drives the pin to 0 or 1, or lets go of it (None)."""
    before = level(gpio)
    _world[gpio] = _LET_GO if to is None else to
    after = level(gpio)
    interrupt = None if asleep or _rtc[gpio] else _interrupts.get(gpio)
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
        now = (0 if asleep else pwm._duty, pwm._freq)
    elif _mode[gpio] == Pin.OUT:
        now = (65535 * _latch[gpio], 0)
    else:
        return
    if _told.get(gpio) != now:
        _told[gpio] = now
        control.send({"t": clock.now(), "out": gpio, "duty": now[0], "hz": now[1]})


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
            _latch[gpio] = 1 if value else 0
        if mode is not None:
            _mode[gpio] = mode
            _rtc[gpio] = 0
            _pwm.pop(gpio, None)
        if pull != -1:
            _pull[gpio] = pull or 0
        _tell(gpio)

    def value(self, to=None):
        if to is not None:
            self.init(value=to)
        return 0 if _rtc[self._gpio] else level(self._gpio)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(not _latch[self._gpio])

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
