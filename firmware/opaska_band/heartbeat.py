# SPDX-License-Identifier: Apache-2.0
# "I live, and this is how": one at each start once connected, one after each order obeyed, and one
# whenever there was none for `settings.heartbeat_s`.

import asyncio
import gc

from micropython import const

from opaska_protocol import reports

from .reporter import LARGEST_BODY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .band import Band
    from .battery import Battery

# While the link is down a dozen date the outage; more wear the flash and crowd the reconnect.
_KEPT_UNSENT = const(12)
_TIME_MS = const(3_000)  # so long the first one waits for the time, which an answer brings
_LISTS = ("answers", "broken")  # get shorter until a heartbeat fits, in this order


class Heartbeat:
    def __init__(self, band: "Band", battery: "Battery") -> None:
        self._band = band
        self._battery = battery
        self._due = asyncio.Event()
        self._echo: "tuple[int | None, Any]" = (None, ())  # seq and rows of the latest heartbeat

    async def run(self) -> None:
        await self._band.client.up.wait()
        try:
            await asyncio.wait_for_ms(self._band.wall.known.wait(), _TIME_MS)
        except asyncio.TimeoutError:
            pass
        while True:
            self._due.clear()
            self.beat()
            try:
                await asyncio.wait_for(self._due.wait(), self._band.settings.heartbeat_s)
            except asyncio.TimeoutError:
                pass

    def soon(self) -> None:
        """Not only when its time comes: the gateway waits for an echo."""
        self._due.set()

    def beat(self) -> None:
        band = self._band
        if len(band.outbox.telemetry) >= _KEPT_UNSENT:
            return
        fields = self._fields()
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
        """How the band is: its battery, how it is worn, what is broken."""
        band, fields = self._band, self._battery.read()
        if band.wear:
            band.wear.tell(fields)
        for part, code in (
            (band.vitals, reports.OXIMETER),
            (band.place, reports.GNSS),
            (band.visits, reports.NFC),
        ):
            if part and part.trouble:
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
        fields["settings_version"] = band.settings.version
        return fields


def _shorten(fields: "dict[str, Any]") -> bool:
    """Leave out the oldest echo, or the last of what is broken; False: there is none."""
    for name in _LISTS:
        if fields[name]:
            fields[name].pop()
            return True
    return False
