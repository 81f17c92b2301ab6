# SPDX-License-Identifier: Apache-2.0
# The cell: what the gauge says goes into heartbeats, what it means is decided by
# decisions/battery.py and reported as faults, each once in a discharge, also through a restart.
#
# A gauge that does not answer, is another chip or talks nonsense is reported once, and named by
# each heartbeat until it is well. Nothing waits for it.

import asyncio

from micropython import const

from opaska_protocol import reports

from .decisions import battery as decision
from .guard import attempt
from .senses.drain import Drain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .clock import Uptime
    from .faults import Faults
    from .storage import Storage

_FILE = const("cell")  # what is said of this discharge, and at how many percent
_LOOK_S = const(300)
_SOON_S = const(60)  # when it is critical
_SURE_S = const(10)  # before anything is said: a transmission pulls the voltage down for a moment
_NO_ANSWER = const("no answer")
_WELL = const(12)  # an hour of looks: a gauge that comes and goes is one trouble


class Battery:
    """A gauge that fails leaves its fields out and is tried again at the next look."""

    def __init__(self, board: "Any", faults: "Faults") -> None:
        self.percent: "int | None" = None  # as last read: an SOS does not wait for the bus
        self.trouble = ""  # what is wrong with the gauge now
        self._well = _WELL  # looks since there was trouble
        self._board = board
        self._faults = faults
        self._gauge: "Any" = None
        self._charger: "Any" = None
        self._drain = Drain()
        self._state = 0  # see decisions/battery.py
        self._said_percent = 100
        self._level = 0  # by the look before
        self._sleeping: "Any" = None  # the task that looks, while it sleeps

    def read(self) -> "dict[str, Any]":
        """The fields of a heartbeat."""
        fields: "dict[str, Any]" = {}
        is_charging = attempt("charger", self._is_charging, self._faults)
        if is_charging:
            fields["charging"] = True
        if attempt("max17048", self._read_gauge, self._faults):
            fields["battery_percent"] = self.percent
            fields["battery_mv"] = self._gauge.millivolts
            if not is_charging:
                fields["hours_left"] = self._drain.hours_left(self._gauge.charge)
        if self.trouble:
            fields["broken"] = [reports.GAUGE]
        return fields

    async def run(self, storage: "Storage", uptime: "Uptime") -> None:
        self._load(storage)
        while True:
            wait_s = self._look(storage, uptime.ms())
            self._sleeping = asyncio.current_task()
            try:
                await asyncio.sleep(wait_s)
            except asyncio.CancelledError:
                pass  # by `soon` alone: it lives as long as the band
            self._sleeping = None

    def soon(self) -> None:
        """Look now, not only when its time comes."""
        if self._sleeping:
            self._sleeping.cancel()

    # --- one look ---

    def _look(self, storage: "Storage", now_ms: int) -> int:
        """What is, and what it means; seconds until the next look."""
        if not attempt("max17048", self._read_gauge, self._faults):
            self._drain.forget()
            return _LOOK_S
        gauge = self._gauge
        if attempt("charger", self._is_charging, self._faults):
            self._drain.forget()
            self._level = 0
            self._happen(decision.charged(gauge.percent, self._said_percent), storage)
            return _LOOK_S
        self._drain.feed(now_ms, gauge.charge, gauge.drain)
        before = self._level
        hours_left = self._drain.hours_left(gauge.charge)
        self._level = decision.level(gauge.percent, gauge.millivolts, hours_left)
        self._happen(min(before, self._level), storage)
        if self._level > before:
            return _SURE_S
        return _SOON_S if self._level > 1 else _LOOK_S

    def _happen(self, looks: int, storage: "Storage") -> None:
        before = self._state
        self._state, is_said = decision.step(before, looks)
        if is_said:
            self._said_percent = percent = self._gauge.percent
            self._faults.note(reports.BATTERY_LOW + self._state - 1, "%d percent" % percent)
        if self._state != before:
            storage.save(_FILE, bytes((self._state, self._said_percent)))

    def _load(self, storage: "Storage") -> None:
        data = storage.load(_FILE)
        if data and len(data) == 2 and data[0] <= decision.FULL and data[1] <= 100:
            self._state, self._said_percent = data

    # --- the chips ---

    def _read_gauge(self) -> bool:
        """Whether it is to be believed."""
        trouble = ""
        try:
            if self._gauge is None:
                from .drivers.max17048 import MAX17048

                self._gauge = MAX17048(self._board.i2c)
            self._gauge.read()
            self.percent = self._gauge.percent
        except OSError as error:
            trouble = error.args[0] if isinstance(error.args[0], str) else _NO_ANSWER
            self._gauge = self.percent = None
        if trouble and self._well >= _WELL:
            self._faults.note(reports.GAUGE, trouble)
        self._well = 0 if trouble else self._well + 1
        self.trouble = trouble
        return not trouble

    def _is_charging(self) -> bool:
        if self._charger is None:
            self._charger = self._board.charger_status
        return bool(self._charger.value() == 0)
