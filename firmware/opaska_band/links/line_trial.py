# SPDX-License-Identifier: Apache-2.0
# Whether PPP may go over one of the lines that share the modem's port. Such a line is a stream
# written in Python, and on an ESP32 lwIP writes to it from a thread of its own: that was reported
# to end the whole processor (micropython#16701). It would do so again at the next start, for ever;
# so after some starts in a row that did not outlive their first call PPP gets the port to itself.

import time

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KEY = const("calls")  # NVS: starts in a row, the present one included
_MOST = const(3)
_LASTS_MS = const(600_000)


class LineTrial:
    """`nvs` as of esp32.NVS; `is_forgiven`: the power was away, which may have been the reason."""

    def __init__(self, nvs: "Any", is_forgiven: bool) -> None:
        self._nvs = nvs
        self._begun_at: "Any" = None
        self._is_over = False
        self._deaths = 0 if is_forgiven else self._read()
        self.is_lost = self._deaths >= _MOST  # share no line until the power was away

    def begin(self) -> None:
        """A call is about to go over a shared line."""
        if self._begun_at is None:
            self._begun_at = time.ticks_ms()
            self._write(self._deaths + 1)

    def look(self) -> None:
        """Now and then: it is over when the first call began long ago."""
        if self._begun_at is None or self._is_over:
            return
        if time.ticks_diff(time.ticks_ms(), self._begun_at) >= _LASTS_MS:
            self._is_over = True
            self._write(0)

    def _read(self) -> int:
        try:
            return self._nvs.get_i32(_KEY)
        except OSError:  # no call has begun yet
            return 0

    def _write(self, deaths: int) -> None:
        try:
            self._nvs.set_i32(_KEY, deaths)
            self._nvs.commit()
        except OSError:
            pass  # the call matters more
