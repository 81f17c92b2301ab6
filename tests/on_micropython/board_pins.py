# SPDX-License-Identifier: Apache-2.0
# Pins, edges, PWM and timers of the simulated board; run by tests/hardware/test_board.py.

import asyncio
import time

import esp32  # noqa: F401 - and with it the flash, whose steps are counted
import machine
from machine import PWM, Pin, Timer

button = Pin(1, Pin.IN, Pin.PULL_UP)
heard = []
hard = bytearray(1)
flag = asyncio.ThreadSafeFlag()


def on_edge(pin):
    heard.append(pin.value())
    flag.set()


def on_hard_edge(pin):
    hard[0] += 1


def outputs_and_pulls():
    assert button.value() == 1, "pulled up"
    assert Pin(15, Pin.IN).value() == 0
    led = Pin(5, Pin.OUT, value=1)
    assert (led.value(), led()) == (1, 1)
    led.off()
    led.toggle()
    assert led.value() == 1
    led.value(0)
    assert Pin(5) == led
    assert Pin(6) != led
    for wrong in (-1, 22, 32, 49):
        try:
            Pin(wrong)
        except ValueError:
            continue
        raise AssertionError(wrong)


def pwm():
    motor = PWM(Pin(2), freq=200, duty_u16=0)
    motor.duty_u16(30_000)
    assert (motor.freq(), motor.duty_u16(), motor.duty()) == (200, 30_000, 468)
    motor.freq(100)
    motor.duty(1023)
    motor.deinit()
    PWM(Pin(4))  # as on the ESP32: at once, 5 kHz, half duty
    PWM(Pin(4)).duty_u16(0)


async def timers():
    ticks = []
    ticked = asyncio.ThreadSafeFlag()

    def tick(timer):
        ticks.append(timer)
        ticked.set()

    timer = Timer(0)
    begun_ms = time.ticks_ms()
    timer.init(period=10, mode=Timer.PERIODIC, callback=tick)
    while len(ticks) < 3:  # late when the machine is busy, never early
        await asyncio.wait_for_ms(ticked.wait(), 5000)
        assert time.ticks_diff(time.ticks_ms(), begun_ms) >= 10 * len(ticks), ticks
    timer.deinit()
    count = len(ticks)
    await asyncio.sleep_ms(30)
    assert len(ticks) == count


async def main():
    outputs_and_pulls()
    pwm()
    await timers()
    button.irq(on_edge, Pin.IRQ_FALLING | Pin.IRQ_RISING)
    Pin(21, Pin.IN, Pin.PULL_UP).irq(on_hard_edge, Pin.IRQ_FALLING, hard=True)
    print("ready")
    while len(heard) < 2:
        await asyncio.wait_for_ms(flag.wait(), 5000)
    assert heard == [0, 1], heard
    button.irq(on_edge, Pin.IRQ_RISING)
    print("only rising")
    while len(heard) < 3 or not hard[0]:
        time.sleep_ms(10)  # interrupts come through blocking code, too
    assert (heard, hard[0]) == ([0, 1, 1], 1)
    print("done")


machine.note("started")
asyncio.run(main())
