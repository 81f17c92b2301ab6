# SPDX-License-Identifier: Apache-2.0
"""The strap: the voltage of its conductive loop in mV, and the count of its pad.

The loop's pin has an edge when the clasp opens or closes. A contact that chatters is heard no more
after so many edges, until `listen`: it must not keep the processor from its work.
"""

from micropython import const

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any, Callable

_MOST_EDGES = const(40)  # a clasp that is opened or closed bounces ten times, not more


class Strap:
    """`on_edge` is called from the interrupt of the loop."""

    def __init__(
        self, loop: "Any", sense: "Any", pad: "Any", on_edge: "Callable[[], None]"
    ) -> None:
        self.is_noisy = False  # it chatters, and is not heard until `listen`
        self._edges = 0
        self._loop = loop
        self._sense = sense
        self._pad = pad
        self._on_edge = on_edge
        self.listen()

    def listen(self) -> None:
        """Hear edges from now on."""
        self.is_noisy = False
        self._edges = 0
        self._loop.irq(self._edge, self._loop.IRQ_RISING | self._loop.IRQ_FALLING)

    def loop_mv(self) -> "int | None":
        """Of the loop: the clasp is closed, open, or the strap was cut (senses/wearing.py). None:
        it chatters, or the converter fails."""
        try:
            return None if self.is_noisy else self._sense.read_uv() // 1000
        except OSError:
            return None

    def pad_count(self) -> int:
        """Rises with touch; 0: the sensor does not measure."""
        try:
            return self._pad.read()
        except ValueError:  # MicroPython's own word for it
            return 0

    def _edge(self, _: "Any") -> None:
        self._edges += 1
        if self._edges >= _MOST_EDGES:
            self.is_noisy = True
            self._loop.irq(None)
        self._on_edge()
