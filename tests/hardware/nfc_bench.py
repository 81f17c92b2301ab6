# SPDX-License-Identifier: Apache-2.0
"""The simulated NFC reader on a bench: time that passes when told, and its bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hardware.simulated.chips.pn532 import BOOT_MS, PN532, SAM_CONFIGURATION
from hardware.simulated.chips.pn532_link import ACK

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 300  # bytes of a read: beyond any frame


def frame(*payload: int) -> bytes:
    """A command, as the manual has it: preamble, length, TFI, data, checksum."""
    body = bytes((0xD4, *payload))
    head = bytes((0, 0, 0xFF, len(body), -len(body) & 0xFF))
    return head + body + bytes((-sum(body) & 0xFF, 0))


class Bench:
    """The chip with current, after its start."""

    def __init__(self, *, normal: bool = True) -> None:
        self.now_ms = 0.0
        self.alarms: list[tuple[float, Callable[[], None]]] = []
        self.levels: list[bool] = []
        self.chip = PN532(lambda: self.now_ms, self._after)
        self.chip.on_irq = self.levels.append
        self.chip.reset(high=True)
        self.wait(BOOT_MS)
        if normal:
            self.ask(SAM_CONFIGURATION, 1, 20, 1)
            self.levels.clear()

    def _after(self, ms: float, function: Callable[[], None]) -> None:
        self.alarms.append((self.now_ms + ms, function))

    def wait(self, ms: float) -> None:
        """Let time pass, and ring what is due."""
        end_ms = self.now_ms + ms
        while due := [alarm for alarm in self.alarms if alarm[0] <= end_ms]:
            alarm = min(due, key=lambda entry: entry[0])
            self.alarms.remove(alarm)
            self.now_ms = max(self.now_ms, alarm[0])
            alarm[1]()
        self.now_ms = end_ms

    def ready(self) -> bool:
        """The ready byte alone."""
        return self.chip.read(1) == b"\x01"

    def ask(self, *payload: int, patience_ms: int = 500) -> bytes:
        """What a command is answered: code and data, or nothing that can be understood."""
        assert self.chip.write(frame(*payload))
        self.until_ready(100)
        assert self.chip.read(1 + len(ACK)) == b"\x01" + ACK
        self.until_ready(patience_ms)
        return self.told()

    def until_ready(self, patience_ms: int) -> None:
        """Until something can be read, or for so long."""
        for _ in range(patience_ms):
            if self.ready():
                return
            self.wait(1)

    def told(self) -> bytes:
        """Code and data of the frame that is ready; none: there is none, or a wrong one."""
        data = self.chip.read(LONGEST)
        if data[:4] != b"\x01\0\0\xff":
            return b""
        size, at = data[4], 6
        if data[4:6] == b"\xff\xff":
            size, at = int.from_bytes(data[6:8], "big"), 9
        body = data[at : at + size]
        wrong = sum(data[at : at + size + 1]) & 0xFF
        return b"" if wrong or body[:1] != b"\xd5" else body[1:]
