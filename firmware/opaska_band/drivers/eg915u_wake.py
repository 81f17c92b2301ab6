# SPDX-License-Identifier: Apache-2.0
"""When the EG915U's serial port is awake: DTR wakes the modem, RI wakes us.

DTR is let go of when nothing was said for a while and somebody asks for `is_awake`, pulled before
anything is written, and when RI tells that the modem is about to speak.
"""

import time

from micropython import const

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any

_WAKE_MS = const(50)  # from DTR until the serial port hears
_QUIET_MS = const(2_000)  # without a byte either way, then it may sleep; answers come sooner


class Wake:
    """The Pin `dtr` is ready with 0, the Pin `ring` falls when the modem has something to say."""

    def __init__(self, dtr: "Any", ring: "Any") -> None:
        self.may_sleep = False  # the modem, while DTR is let go of
        self.has_slept = False  # or should have, since this was last forgotten
        self.is_left = False  # until the next start nobody waits for what it says
        self._dtr = dtr
        self._is_held = True  # DTR: without it nothing is heard on the port
        self._held_at = self._stirred_at = time.ticks_ms()
        if ring is not None:
            ring.irq(self.heard, ring.IRQ_FALLING)

    @property
    def is_awake(self) -> bool:
        """Whether bytes may come and go; else RI falls before they come. Asked by a processor that
        would like to sleep, it lets the modem go after a quiet time."""
        quiet_ms = time.ticks_diff(time.ticks_ms(), self._stirred_at)
        if 0 <= quiet_ms < _QUIET_MS:
            return self._is_held
        if self._is_held and self.may_sleep:
            self._is_held, self.has_slept = False, True
            self._dtr.value(1)
        return self._is_held and not self.is_left

    def speak(self) -> None:
        """Before bytes are written: waits until the modem hears them."""
        self.heard()
        left_ms = _WAKE_MS - time.ticks_diff(time.ticks_ms(), self._held_at)
        if 0 < left_ms <= _WAKE_MS:  # beyond: ticks wrapped since
            time.sleep_ms(left_ms)

    def heard(self, _: "Any" = None) -> None:
        """Bytes have come or soon will; may be called by an interrupt."""
        self._stirred_at = time.ticks_ms()
        if not self._is_held:
            self._is_held = True
            self._held_at = self._stirred_at
            self._dtr.value(0)
