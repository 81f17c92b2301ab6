# SPDX-License-Identifier: Apache-2.0
# What the cell says: percent and mV from the gauge, charging from the charger's status line.

from .guard import attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .faults import Faults


class Battery:
    """A gauge that fails leaves its fields out and is tried again at the next heartbeat."""

    def __init__(self, board: "Any", faults: "Faults") -> None:
        self.percent: "int | None" = None  # as last read: an SOS does not wait for the bus
        self._board = board
        self._faults = faults
        self._gauge: "Any" = None
        self._charger: "Any" = None

    def read(self) -> "dict[str, Any]":
        """The fields of a heartbeat."""
        fields = {}
        attempt("max17048", lambda: self._read_gauge(fields), self._faults)
        attempt("charger", lambda: self._read_charger(fields), self._faults)
        self.percent = fields.get("battery_percent")
        return fields

    def _read_gauge(self, fields: "dict[str, Any]") -> None:
        if self._gauge is None:
            from .drivers.max17048 import MAX17048

            self._gauge = MAX17048(self._board.i2c)
        fields["battery_percent"] = self._gauge.charge_percent()
        fields["battery_mv"] = self._gauge.voltage_mv()

    def _read_charger(self, fields: "dict[str, Any]") -> None:
        if self._charger is None:
            self._charger = self._board.charger_status
        if self._charger.value() == 0:
            fields["charging"] = True
