# SPDX-License-Identifier: Apache-2.0
"""CircuitPython's busio.I2C with one simulated chip, for drivers that we did not write."""

from __future__ import annotations

from typing import Any, Protocol


class Chip(Protocol):
    """What the simulated chips have in common."""

    @property
    def ADDRESS(self) -> int: ...  # noqa: N802 - the chips' name
    @property
    def answers(self) -> bool: ...
    def write(self, data: bytes, /) -> bool: ...
    def read(self, count: int, /) -> bytes: ...


class Bus:
    """Nobody answers but this chip."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip

    def try_lock(self) -> bool:
        """The bus is free."""
        return True

    def unlock(self) -> None:
        """Nobody else wants it."""

    def writeto(
        self, address: int, buffer: Any, *, start: int = 0, end: int | None = None
    ) -> None:
        """Write; OSError when nobody answers."""
        data = bytes(buffer[start:end])
        chip = self._chip
        if address != chip.ADDRESS or not chip.answers or (data and not chip.write(data)):
            raise OSError("not acknowledged")

    def readfrom_into(
        self, address: int, buffer: Any, *, start: int = 0, end: int | None = None
    ) -> None:
        """Read from where the chip's pointer stands."""
        self.writeto(address, b"")
        count = len(buffer[start:end])
        buffer[start : start + count] = self._chip.read(count)

    def writeto_then_readfrom(self, address: int, out: Any, into: Any, **places: Any) -> None:
        """Both, without a stop in between."""
        self.writeto(address, out, start=places["out_start"], end=places["out_end"])
        self.readfrom_into(address, into, start=places["in_start"], end=places["in_end"])
