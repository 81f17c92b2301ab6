# SPDX-License-Identifier: Apache-2.0
# Where the band is, asked only when there is a reason: an alarm (at once, then every minute while
# its case is open, and more seldom after some hours: a case that nobody closes must not empty the
# cell), an order of the gateway, the safe zones, a carer's visit. Nothing waits for a fix: it
# follows as a report of its own. Between reasons the receiver is off, and what reads it out of
# memory.
#
# Without a fix the cell is told. The last fix is kept through a restart, and an alarm takes it
# along.

import asyncio

from micropython import const

from opaska_protocol import cbor, reports
from opaska_protocol.errors import ProtocolError
from opaska_protocol.orders import LOCATE, ZONES

from . import obey
from .bell import Bell
from .decisions.zone import INSIDE, LEAVING, LEFT, RETURNED, UNKNOWN
from .unload import unload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from opaska_protocol.orders import Order

    from .band import Band

# Both begin with the key's generation: another one is another wearer.
_FIX_FILE = const("fix")  # latitude, longitude, accuracy, unix seconds
_ZONE_FILE = const("zones")  # state, then the zones

_FIX_MS = const(120_000)  # a cold start under open sky takes 30 s
_EARLY_MS = const(40_000)  # so long it is asked every second, then more seldom; for zones no more
_ASK_MS = const(1_000)
_ASK_SELDOM_MS = const(5_000)
_AGAIN_MS = const(60_000)  # between two positions while a case is open
_FRESH_MS = const(3 * 3_600_000)  # after its latest alarm; a day of that would empty the cell
_NO_FIX_MS = const(600_000)  # between two tries that find nothing, and after that time
_ZONE_MS = const(600_000)  # between two looks at the zones
_LEAVING_MS = const(30_000)  # when she may have left, once: at a fence no fix may ever be sure
_SURE_MS = const(660_000)  # so long she is still where she was seen: a look, and its time
_HOME = const(1)  # zone
_KEEP_MS = const(600_000)  # the last fix goes to the flash this often
_MOST_WAITING = const(6)  # reports: old places are worth little, and heartbeats want room
_OLD_S = const(86_400)  # a fix that is older says nothing in an alarm
_ERROR_M = const(5)  # of a range, times HDOP: the accuracy of a position
_VAGUE_M = const(50)  # when HDOP is not told
_WORST_M = const(10_000)  # the worst HDOP that receivers tell, 99.99, is far below
_ALONE = const("PPP has the port alone")

_PASSING = (
    "opaska_band.decisions.zone",
    "opaska_band.drivers.eg915u_gnss",
    "opaska_band.senses.nmea",
)


class Place:
    def __init__(self, band: "Band") -> None:
        self.trouble = ""  # what is wrong with the receiver now
        self._band = band
        self._modem = band.cellular.modem
        self._reasons = Bell()
        self._asked: "int | None" = None  # number of the order that asks where it is
        self._visits: "list[int]" = []  # seqs of visits that ask whether it is at home
        self._position: "list[int] | None" = None  # latitude, longitude, accuracy
        self._fixed_ms = 0  # uptime of it
        self._sure_ms = 0  # uptime when she was surely there
        self._day_ms = -1  # its UTC of day, by the receiver
        self._kept_ms: "int | None" = None
        self._next_ms = 0  # uptime of the next position of an open case
        self._alarm_ms = 0  # of the latest alarm; an earlier boot's counts from the start
        self._zones: "list[Any]" = []  # number, latitude, longitude, radius
        self._where = UNKNOWN
        self._zone_ms = 0  # uptime of the next look
        self._before: "list[int] | None" = None  # the last fix of an earlier boot
        self._may_be_on = True  # the receiver: a reset or a lost link has not switched it off
        self._load()
        obey.take(LOCATE, self._locate)
        obey.take(ZONES, self._use_zones)

    async def run(self) -> None:
        while True:
            pause_ms = self._pause_ms()
            if pause_ms:
                self._reasons.clear()
                if self._may_be_on and self._modem.can_talk:
                    await self._switch_off()
                    unload(*_PASSING)
                await self._reasons.wait_ms(pause_ms)
            elif self._modem.can_talk:
                await self._look()
            else:
                if self._band.cellular.attached:
                    self._note(_ALONE)
                await asyncio.sleep_ms(_ASK_SELDOM_MS)

    def alarm(self) -> None:
        """An alarm is on its way: its place comes behind it."""
        self._next_ms = self._alarm_ms = self._band.uptime.ms()
        self._reasons.set()

    def last(self) -> "list[int] | None":
        """[latitude, longitude, accuracy m, age s] for an alarm, if it is worth something."""
        if self._position:
            age_s = (self._band.uptime.ms() - self._fixed_ms) // 1000
            return self._position + [age_s] if age_s <= _OLD_S else None
        now = self._band.wall.report(self._band.uptime.ms())
        if not self._before or not now:
            return None
        age_s = now[1] - self._before[3]
        return self._before[:3] + [age_s] if 0 <= age_s <= _OLD_S else None

    def is_away(self) -> "bool | None":
        """From home, which is zone 1; None: nobody knows now."""
        home = [zone for zone in self._zones if zone[0] == _HOME]
        if not home or not self._position:
            return None
        if self._band.uptime.ms() - self._sure_ms > _SURE_MS:
            return None
        from .decisions import zone

        said, _ = zone.look(home, self._position)
        unload("opaska_band.decisions.zone")
        return None if said is None else said == zone.OUT

    def visited(self, seq: int) -> bool:
        """A carer's visit wants to know that; away from home, a position follows it. False: there
        is no home."""
        if not [zone for zone in self._zones if zone[0] == _HOME]:
            return False
        self._visits.append(seq)
        self._reasons.set()
        return True

    # --- orders ---

    def _locate(self, order: "Order") -> None:
        self._asked = order.dseq
        self._reasons.set()

    def _use_zones(self, order: "Order") -> None:
        from opaska_protocol.zones import zones_from_wire

        zones = [list(zone) for zone in zones_from_wire(order.arguments)]
        unload("opaska_protocol.zones")
        if zones != self._zones:  # else it knows where she is
            self._zones, self._where = zones, UNKNOWN
        self._keep_zones()
        self._zone_ms = 0
        self._reasons.set()

    # --- looking ---

    def _pause_ms(self) -> int:
        """Until there is a reason to look; 0 = now."""
        now_ms, due_ms = self._band.uptime.ms(), []
        if self._asked is not None or self._visits:
            return 0
        if self._case():
            due_ms.append(self._next_ms)
        if self._zones:
            due_ms.append(self._zone_ms)
        return max(0, min(due_ms) - now_ms) if due_ms else _ZONE_MS

    async def _look(self) -> None:
        if self._is_at_rest():
            self._sure_ms = self._band.uptime.ms()
            self._zone_ms = self._sure_ms + _ZONE_MS
            return
        is_new, trouble, begun_ms = False, "", self._band.uptime.ms()
        try:
            is_new = await self._find()
        except OSError as error:
            if not self._modem.can_talk:
                return  # the link is made anew; again when it is up
            trouble = str(error)
        if not self._modem.trouble:  # with its card, it is restarted, and the receiver with it
            self._note(trouble)
        await self._switch_off()  # a minute later it still knows its satellites
        await self._tell(is_new, begun_ms)
        self._judge(is_new)
        unload(*_PASSING)

    def _is_at_rest(self) -> bool:
        """Only the zones ask, and she has not moved since she was seen inside."""
        motion = self._band.motion
        if self._somebody_asks() or self._where != INSIDE or not motion:
            return False
        return motion.still_s() * 1000 > self._band.uptime.ms() - self._fixed_ms

    def _somebody_asks(self) -> bool:
        """Else the zones alone do, many times a day, most often indoors."""
        return self._asked is not None or bool(self._visits) or self._case() is not None

    def _is_fresh(self) -> bool:
        """Whether somebody may be looking for her because of an alarm."""
        is_fresh = self._band.uptime.ms() - self._alarm_ms < _FRESH_MS
        return is_fresh and self._case() is not None

    def _case(self) -> "tuple[int, int] | None":
        """(boot, seq) of the latest alarm whose case is open."""
        return self._band.sos.reports.newest_open()

    async def _find(self) -> bool:
        """Whether there is a fix of now; waits for it."""
        from .senses.nmea import Nmea

        gnss = _gnss()
        self._may_be_on = True
        await self._twice(gnss.switch, True)
        nmea, begun_ms, now_ms = Nmea(), self._band.uptime.ms(), 0
        while now_ms < (_FIX_MS if self._somebody_asks() else _EARLY_MS):
            fixes = nmea.feed(await self._twice(gnss.nmea))
            if fixes and fixes[-1].day_ms != self._day_ms:  # else its time stands still
                self._take(fixes[-1])
                return True
            await asyncio.sleep_ms(_ASK_MS if now_ms < _EARLY_MS else _ASK_SELDOM_MS)
            now_ms = self._band.uptime.ms() - begun_ms
        if not nmea.sentences:
            raise OSError("no sentence")
        return False

    def _take(self, fix: "Any") -> None:
        accuracy_m = _VAGUE_M
        if fix.hdop_tenths is not None:
            accuracy_m = min(max(fix.hdop_tenths * _ERROR_M // 10, _ERROR_M), _WORST_M)
        self._position = [fix.lat_e7, fix.lon_e7, accuracy_m]
        self._fixed_ms = self._sure_ms = self._band.uptime.ms()
        self._day_ms = fix.day_ms
        if self._kept_ms is None or self._fixed_ms - self._kept_ms >= _KEEP_MS:
            self._keep_fix()

    async def _switch_off(self) -> None:
        try:
            await self._twice(_gnss().switch, False)
            self._may_be_on = False
        except OSError as error:
            if self._modem.can_talk:
                self._note(self.trouble or str(error))

    async def _twice(self, question: "Any", *about: "Any") -> "Any":
        """Ask the modem, and again if need be: one word that is lost or late is no trouble."""
        try:
            return await question(self._modem, *about)
        except OSError:
            await asyncio.sleep_ms(_ASK_MS)
            return await question(self._modem, *about)

    def _note(self, trouble: str) -> None:
        """Once when it breaks, or breaks in another way."""
        if trouble and trouble != self.trouble:
            self._band.faults.note(reports.GNSS, trouble)
        self.trouble = trouble

    # --- telling ---

    async def _tell(self, is_new: bool, begun_ms: int) -> None:
        """To whom it belongs: the order that asked, the open case. Looked for since `begun_ms`."""
        if self._asked is not None:
            asked, self._asked = self._asked, None
            fields = {"why": reports.FIX_ON_REQUEST, "dseq": asked}
            await self._report(fields, is_new)
        self._tell_visits()
        case, now_ms = self._case(), self._band.uptime.ms()
        if case and self._next_ms <= now_ms:
            is_soon = is_new and self._is_fresh()
            self._next_ms = begun_ms + _AGAIN_MS if is_soon else now_ms + _NO_FIX_MS
            fields = {"why": reports.FIX_FOR_ALARM, "of_seq": case[1]}
            if case[0] != self._band.reporter.boot:
                fields["of_boot"] = case[0]
            await self._report(fields, is_new)

    def _tell_visits(self) -> None:
        """However many reports wait: where a carer was is worth as much in a week."""
        visits, self._visits = self._visits, []
        for seq in visits if self.is_away() else ():
            fields = {
                "position": self.last(),
                "source": reports.FROM_GNSS,
                "why": reports.FIX_FOR_VISIT,
                "of_seq": seq,
            }
            self._band.reporter.report(reports.POSITION, fields)

    async def _report(self, fields: "dict[str, Any]", is_new: bool) -> None:
        if len(self._band.outbox.telemetry) >= _MOST_WAITING:
            return
        fields["source"] = reports.FROM_GNSS
        fields["position"] = self.last()
        if not is_new:
            fields["source"] = reports.FROM_CELL
            try:
                fields["cell"] = await self._twice(_gnss().cell)
            except OSError:
                pass  # then nobody knows
        self._band.reporter.report(reports.POSITION, fields)

    def _judge(self, is_new: bool) -> None:
        """What a new fix says about the zones."""
        now_ms = self._band.uptime.ms()
        self._zone_ms = now_ms + (_ZONE_MS if is_new else _NO_FIX_MS)
        if not is_new or not self._zones or self._position is None:
            return
        from .decisions import zone

        said, number = zone.look(self._zones, self._position)
        before = self._where
        self._where, news = zone.step(before, said)
        if self._where == LEAVING != before:
            self._zone_ms = now_ms + _LEAVING_MS
        if news == LEFT:
            self._band.sos.sensed(reports.ZONE_LEFT, {"zone": number})
        if news:
            fields = {"zone": number, "inside": news == RETURNED}
            if news == LEFT:  # inside it is nobody's business where
                fields["position"] = self.last()
            self._band.reporter.report(reports.ZONE, fields)
        if self._where != before:
            self._keep_zones()

    # --- kept ---

    def _load(self) -> None:
        self._before = self._kept(_FIX_FILE, 4)
        kept = self._kept(_ZONE_FILE, 2)
        if kept:
            self._where, self._zones = kept[0], kept[1]

    def _keep_fix(self) -> None:
        now = self._band.wall.report(self._band.uptime.ms())
        if now and self._position:
            self._kept_ms = self._fixed_ms
            self._keep(_FIX_FILE, self._position + [now[1]])

    def _keep_zones(self) -> None:
        self._keep(_ZONE_FILE, [self._where, self._zones])

    def _keep(self, name: str, what: "list[Any]") -> None:
        storage = self._band.storage
        if not storage.save(name, cbor.encode([self._band.identity.generation] + what)):
            self._band.faults.note(storage.trouble or reports.STATE_LOST, name)

    def _kept(self, name: str, size: int) -> "list[Any] | None":
        """What a file holds for this wearer, if it does; a broken one is told."""
        data = self._band.storage.load(name)
        if data is None:
            return None
        try:
            found = cbor.decode(data)
        except ProtocolError:
            found = None
        if not isinstance(found, list) or len(found) != size + 1:
            self._band.faults.note(reports.STATE_LOST, name)
            return None
        return found[1:] if found[0] == self._band.identity.generation else None


def _gnss() -> "Any":
    from .drivers import eg915u_gnss

    return eg915u_gnss
