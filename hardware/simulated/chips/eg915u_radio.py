# SPDX-License-Identifier: Apache-2.0
"""What passes between the band's data call and the network: up, what the modem heard from its
host; down, what it was paged for. Runs on CPython, in the supervisor.

The bytes of PPP are not simulated. Instead the host's PPP is told to write a frame whenever its
sockets have something to send and the modem sleeps; once the modem has heard it, all that waits
passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from .eg915u import EG915U

UP: Final = 0  # from the band
REPEAT_MS: Final = 1_500  # lwIP's first repeat of a segment that nobody acknowledged
CONNECTED_MS: Final = 10_000  # the network lets go of the radio so long after the last byte
DRX_MS: Final = 2_560  # between two pages of a modem that has not asked for more
EDRX_MS: Final = {
    "0000": 5_120,
    "0001": 10_240,
    "0010": 20_480,
    "0011": 40_960,
    "0101": 81_920,
}  # TS 24.008, 10.5.5.32, E-UTRAN
_AWAKE_MS = 1_000  # by itself, when it has something to say
FRAME: Final = b"~\x21~"


class Radio:
    """`write_ppp` makes the host's PPP write; `on_free` hears that what waited may pass."""

    def __init__(
        self,
        modem: EG915U,
        after: Callable[[float, Callable[[], None]], None],
        now_ms: Callable[[], float],
        write_ppp: Callable[[], None],
    ) -> None:
        self.grants_edrx = True  # the network
        self.pages = 0
        self.on_free: Callable[[], None] | None = None
        self._modem = modem
        self._after = after
        self._now_ms = now_ms
        self._write_ppp = write_ppp
        self._asked = self._paging = False
        self._connected_until = self._awake_until = 0.0

    @property
    def paging_ms(self) -> int:
        """The longest that something for the band waits for a radio that sleeps."""
        return EDRX_MS.get(self._modem.edrx, DRX_MS) if self.grants_edrx else DRX_MS

    def carries(self, direction: int) -> bool:
        """Whether bytes pass now; if not, `on_free` is called when they do."""
        if not self._modem.sleep.is_asleep and self._modem.sleep.hears:
            passes = True
        elif direction == UP:
            passes = False
            self._ask_host()
        else:
            passes = self._now_ms() < self._awake_until
            if not passes:
                self._page()
        if passes:
            self._connected_until = self._now_ms() + CONNECTED_MS
        return passes

    def heard_ppp(self) -> None:
        """The modem has heard a frame on the line of the data call."""
        self._asked = False
        self._free()

    def _ask_host(self) -> None:
        """TCP sends, and sends again."""
        if not self._asked:
            self._asked = True
            self._write_ppp()
            self._after(REPEAT_MS, self._ask_again)

    def _ask_again(self) -> None:
        if self._asked:
            self._asked = False
            self._free()

    def _page(self) -> None:
        """At once while the radio is connected, else when the modem listens next."""
        if self._paging:
            return
        self._paging = True
        now_ms, wait_ms = self._now_ms(), 0.0
        if now_ms >= self._connected_until:
            wait_ms = self.paging_ms - now_ms % self.paging_ms
        self._after(wait_ms, self._paged)

    def _paged(self) -> None:
        self._paging = False
        self.pages += 1
        self._awake_until = self._now_ms() + _AWAKE_MS
        self._modem.say_ppp(FRAME)
        self._free()

    def _free(self) -> None:
        if self.on_free:
            self.on_free()
