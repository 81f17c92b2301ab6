# SPDX-License-Identifier: Apache-2.0
# "I live, and this is how": one at each start once connected, one after each order obeyed, one
# when a broker may have lost an answer to an open alarm, and one whenever there was none for
# `settings.heartbeat_s`.

import asyncio
import gc

from micropython import const

from opaska_protocol import reports

from .bell import Bell
from .reporter import LARGEST_BODY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .band import Band
    from .battery import Battery

# While the link is down a dozen date the outage; more wear the flash and crowd the reconnect.
_KEPT_UNSENT = const(12)
_TIME_MS = const(3_000)  # until an answer to what was made just now has brought the time
_LISTS = ("answers", "broken")  # get shorter until a heartbeat fits, in this order


class Heartbeat:
    def __init__(self, band: "Band", battery: "Battery | None") -> None:
        self._band = band
        self._battery = battery
        self._due = Bell()
        self._echo: "tuple[int | None, Any]" = (None, ())  # seq and rows of the latest heartbeat

    async def run(self) -> None:
        """The first one has the time if it can: then it dates all that has waited, as after a
        start without a network. So it is made whatever waits."""
        await self._band.client.up.wait()
        if not await self._is_time_known():
            self._make()
            await self._is_time_known()
        self._make()
        while True:
            self._due.clear()
            await self._due.wait_ms(1000 * self._band.settings.heartbeat_s)
            self.beat()

    async def _is_time_known(self) -> bool:
        """Whether it is, in a moment."""
        try:
            await asyncio.wait_for_ms(self._band.wall.known.wait(), _TIME_MS)
        except asyncio.TimeoutError:
            return False
        return True

    def soon(self) -> None:
        """Not only when its time comes: the gateway waits for an echo, or has to repeat."""
        self._due.set()

    def beat(self) -> None:
        """Unless too much waits."""
        if len(self._band.outbox.telemetry) < _KEPT_UNSENT:
            self._make()

    def _make(self) -> None:
        band, fields = self._band, self._fields()
        rows = fields["answers"] = band.sos.reports.echo(reports.MAX_ECHOES)
        body = self._body(fields)
        while len(body) > LARGEST_BODY and _shorten(fields):
            body = self._body(fields)
        self._echo = (band.reporter.keep(reports.HEARTBEAT, body), rows)

    def answered(self, boot: int, seq: int) -> None:
        """A report was stored: if it was the latest heartbeat, the gateway has seen its echoes."""
        if boot == self._band.reporter.boot and seq == self._echo[0]:
            self._band.sos.reports.echoed(self._echo[1])

    def _body(self, fields: "dict[str, Any]") -> bytes:
        for name in _LISTS:
            fields[name] = fields.get(name) or None
        return self._band.reporter.body(reports.HEARTBEAT, fields)

    def condition(self) -> "dict[str, Any]":
        """How the band is: its battery, how it is worn, what is broken or could not be made."""
        band = self._band
        fields = self._battery.read() if self._battery else {"broken": [reports.GAUGE]}
        if band.wear:
            band.wear.tell(fields)
        for part, code in (
            (band.motion, reports.MOTION_SENSOR),
            (band.vitals, reports.OXIMETER),
            (band.place, reports.GNSS),
            (band.visits, reports.NFC),
            (band.wear, reports.STRAP_SENSOR),
            (band.cellular.modem, reports.SIM_CARD),
        ):
            if part.trouble if part else not band.safe_mode:
                fields.setdefault("broken", []).append(code)
        return fields

    def _fields(self) -> "dict[str, Any]":
        band, fields = self._band, self.condition()
        gc.collect()
        fields["free_bytes"] = gc.mem_free()
        fields["build"] = band.identity.build
        fields["link"] = reports.CELLULAR
        fields["last_dseq"] = band.last_dseq
        fields["waiting"] = band.outbox.count
        fields["signal_dbm"] = band.cellular.signal_dbm
        band.cellular.trial.look()
        fields["settings_version"] = band.settings.version
        return fields


def _shorten(fields: "dict[str, Any]") -> bool:
    """Leave out the oldest echo, or the last of what is broken; False: there is none."""
    for name in _LISTS:
        if fields[name]:
            fields[name].pop()
            return True
    return False
