# SPDX-License-Identifier: Apache-2.0
# An input that ends light sleep (sleep.py), used as a Pin is. No interrupt comes while the chip
# sleeps, and pins that were watched stay with the RTC. So after a sleep it is made an input again,
# and whoever hears its edges is told of the one that came meanwhile.

from machine import Pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class WakePin:
    """`has_interrupt`: False of a pin that `wake_on_gpio` listens to, which would turn its
    interrupt into one of the level, without an end. Its edges are told after sleeps alone."""

    IRQ_FALLING = Pin.IRQ_FALLING
    IRQ_RISING = Pin.IRQ_RISING

    def __init__(self, gpio: int, pull: "int | None", has_interrupt: bool = True) -> None:
        self.pin = Pin(gpio, Pin.IN, pull)
        self.handler: "Callable[[Any], Any] | None" = None  # None: nobody wants to be woken by it
        self._pull = pull
        self._has_interrupt = has_interrupt
        self._trigger = 0
        self._level = 1

    def value(self) -> int:
        return self.pin.value()

    def irq(
        self,
        handler: "Callable[[Any], Any] | None" = None,
        trigger: int = Pin.IRQ_FALLING | Pin.IRQ_RISING,
    ) -> None:
        """As of a Pin."""
        self.handler, self._trigger = handler, trigger
        if self._has_interrupt:
            self.pin.irq(handler, trigger)

    def before_sleep(self) -> int:
        """The level now."""
        self._level = level = self.pin.value()
        return level

    def after_sleep(self) -> None:
        """An input again."""
        self.pin.init(Pin.IN, self._pull)

    def tell(self) -> bool:
        """Whether the level has changed since `before_sleep`; then its edge is told."""
        level = self.pin.value()
        if level == self._level:
            return False
        edge = self.IRQ_RISING if level else self.IRQ_FALLING
        if self.handler and self._trigger & edge:
            self.handler(self.pin)
        return True
