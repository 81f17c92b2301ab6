# SPDX-License-Identifier: Apache-2.0
# What is known of carers' visits: those that are open, and tests of the band that are owed to the
# gateway. A small file says both through a restart; of several tests, which are rare, the latest.

from micropython import const

from opaska_protocol import cbor, reports
from opaska_protocol.answers import STORED
from opaska_protocol.errors import ProtocolError

from .decisions import alarm, visit
from .guard import attempt
from .reporter import LARGEST_BODY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from opaska_protocol.answers import Answer

    from .band import Band
    from .visit import Visits

_FILE = const("visits")  # generation, boot and seq of a visit whose test is owed, open visits
_ANSWER_MS = const(60_000)  # so long STORED is waited for


class Owed:
    """The test at one visit; `is_sought`: a fix that was asked for will say where it was."""

    def __init__(self, boot: int, seq: int, made_ms: int, is_sought: bool) -> None:
        self.boot = boot
        self.seq = seq
        self.made_ms = made_ms
        self.is_sought = is_sought
        self.round_trip_ms: "int | None" = None
        self.say = ""  # what is to be felt of it

    def hear(self, answer: "Answer", now_ms: int) -> None:
        """An answer; it may be the one that is waited for."""
        is_it = answer.boot == self.boot and answer.seq == self.seq and answer.state == STORED
        if is_it and self.round_trip_ms is None:
            self.round_trip_ms = now_ms - self.made_ms
            self.say = "visit_expected" if answer.planned else "visit_reached"


class Book:
    def __init__(self, visits: "Visits", band: "Band") -> None:
        self.is_new = False  # something was written
        self._visits = visits
        self._band = band
        if visits.rows is None:
            visits.rows = []
            self._load()

    def is_urgent(self) -> bool:
        """Whether an SOS or a fall needs processor and signals more: from the first touch of the
        button, for the minute in which the wearer waits."""
        band = self._band
        if band.button.press.is_down() or band.sos.state in (alarm.SENDING, alarm.RESUMED):
            return True
        return band.countdown is not None and band.countdown.ends_with is not None

    def say(self, name: str) -> None:
        """Never over what an SOS or a fall has to say."""
        signals = self._band.signals
        if signals and not self.is_urgent():
            attempt("signals", lambda: signals.play(name), self._band.faults)

    def note(self, card: bytes, fields: "dict[str, Any]") -> None:
        """A touch of this card: its report first, then the file, then what is felt. `fields` is
        what else the report says."""
        band, visits = self._band, self._visits
        boot, now_ms, place = band.reporter.boot, band.uptime.ms(), band.place
        wall = band.wall.report(now_ms)
        minute, wall_min = now_ms // 60_000, wall[1] // 60 if wall else 0
        row = visit.begun(visits.rows, card, boot, minute, wall_min)
        away = place.is_away() if place else None
        fields.update({"card": card, "begins": row is None, "away": away})
        if row:
            fields["of_boot"] = row[1] if row[1] != boot else None
            fields["of_seq"] = row[2]
        seq = self._report(fields)
        if seq is None:
            self.say("not_read")
            return
        self.is_new = True
        new = None if row else [card, boot, seq, minute, wall_min]
        visits.rows = visit.noted(visits.rows, card, new)
        is_sought = away is not False and place is not None and place.visited(seq)
        visits.owed.append(Owed(boot, seq, now_ms, is_sought and not away))
        self._save()
        self.say("visit_ended" if row else "visit_begun")

    def _report(self, fields: "dict[str, Any]") -> "int | None":
        """Without the time if it would outgrow a record: the gateway can date it. None, and there
        was no touch, unless it lasts: whoever feels that it was kept goes away."""
        reporter, outbox = self._band.reporter, self._band.outbox
        body = reporter.body(reports.VISIT, fields)
        if len(body) > LARGEST_BODY:
            del fields["time"]
            body = reports.encode_report(reports.VISIT, fields)
        seq = reporter.keep(reports.VISIT, body)
        if seq is not None and not outbox.has_lasting(reporter.boot, seq):
            outbox.remove(reporter.boot, seq)
            return None
        return seq

    # --- the test of the band ---

    def settle(self) -> None:
        """Let answers be felt, and report each test that is complete, or late."""
        visits, now_ms = self._visits, self._band.uptime.ms()
        owed, visits.owed = visits.owed, []
        for one in owed:
            if one.say:
                self.say(one.say)
                one.say = ""
            is_own = one.boot == self._band.reporter.boot
            away = self._band.place.is_away() if one.is_sought else None
            has_all = one.round_trip_ms is not None and (away is not None or not one.is_sought)
            if is_own and not has_all and now_ms - one.made_ms < _ANSWER_MS:
                visits.owed.append(one)
            else:
                self._tell(one, is_own, away)
        if owed and not visits.owed:
            self._save()

    def _tell(self, one: "Owed", is_own: bool, away: "bool | None") -> None:
        beat = self._band.heartbeat
        condition = beat.condition() if beat else {}
        fields = {
            "of_seq": one.seq,
            "of_boot": None if is_own else one.boot,
            "round_trip_ms": one.round_trip_ms if is_own else None,  # nobody knows when it began
            "battery_percent": condition.get("battery_percent"),
            "broken": condition.get("broken"),
            "away": away,
        }
        self._band.reporter.report(reports.VISIT_TEST, fields)

    # --- through a restart ---

    def _load(self) -> None:
        data = self._band.storage.load(_FILE)
        if not data:  # a cut leaves a file that has just been made empty
            return
        found: "Any" = None
        try:
            found = cbor.decode(data)
        except ProtocolError:
            pass
        if not visit.is_kept(found):
            self._band.faults.note(reports.STATE_LOST, _FILE)
        elif found[0] == self._band.identity.generation:
            self._visits.rows = found[3]
            if found[1]:
                self._visits.owed.append(Owed(found[1], found[2], 0, False))

    def _save(self) -> None:
        band, visits = self._band, self._visits
        boot = seq = 0
        if visits.owed:
            boot, seq = visits.owed[-1].boot, visits.owed[-1].seq
        data = cbor.encode([band.identity.generation, boot, seq, visits.rows])
        if not band.storage.save(_FILE, data):
            band.faults.note(band.storage.trouble or reports.STATE_LOST, _FILE)
