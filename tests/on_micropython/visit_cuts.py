# SPDX-License-Identifier: Apache-2.0
# Power cut at every program and erase step of a carer's two touches, in three tear modes; then the
# band starts again, the card is held there once more, and the link is good. Prints JSON: how many
# cuts, and how often something was felt that the gateway never heard of, the book of visits was
# broken, or a visit that was felt as begun did not end by its name.
#
#   micropython visit_cuts.py <first seed> <seeds> [planted]

import gc
import json
import sys

from flash_device import TEARS
from flash_story import GATEWAY, GENERATION, Life, World, deliver_all, live

from opaska_band.decisions import alarm
from opaska_band.visit_book import Book
from opaska_protocol import frame, reports

CARD = b"\x04\xde\x5f\x1e\xac\xc0\x40"


class Carer(Life):
    """A band that is there for its visits."""

    place = heartbeat = signals = countdown = None
    generation = GENERATION
    book = True
    state = alarm.IDLE

    def start(self):
        super().start()
        self.rows, self.owed = None, []
        self.identity = self.sos = self.button = self.press = self.faults = self.wall = self
        self.uptime = self.reporter._uptime
        self.book = None
        self.book = Book(self, self)
        self.book.say = self.felt

    def is_down(self):
        return False

    def report(self, now_ms):
        return None  # nobody knows the time

    def note(self, code, detail=""):
        if detail == "visits" and self.book is None:  # what is read back, not what is cut
            self.world.count("broken")

    def felt(self, name):
        key = self.owed[-1].boot, self.owed[-1].seq
        self.world.felt.append((name, key))

    def touch(self):
        self.book.note(CARD, {"proof": None, "taps": 1})


class FeltFirst(Carer):
    """The bug: it is felt before it is kept."""

    def touch(self):
        self.world.felt.append(("visit_begun", (self.channel.boot, self.reporter._seq + 1)))
        super().touch()


def told(world):
    """Visits at the gateway: {(boot, seq): fields}."""
    found = {}
    for (boot, seq), sealed in world.stored.items():
        header, ciphertext = frame.parse_up(sealed)
        report = reports.decode_report(GATEWAY.open(header, ciphertext))
        if report.type == reports.VISIT:
            found[boot, seq] = report.fields
    return found


def judged(kind, world):
    open_one = world.felt[-1][1] if world.felt and world.felt[-1][0] == "visit_begun" else None
    live(kind(world), [kind.touch, deliver_all])
    live(kind(world), [deliver_all])
    visits = told(world)
    for _, key in world.felt:
        totals["unheard"] += key not in visits
    if open_one:
        ends = [one for one in visits.items() if not one[1]["begins"]]
        named = [(one.get("of_boot", key[0]), one["of_seq"]) for key, one in ends]
        totals["unended"] += open_one not in named
    totals["broken"] += world.counts["broken"]


def cut_everywhere(kind, start):
    life = kind(start.copy())
    live(life, [kind.touch, kind.touch])
    for tear in TEARS:
        for cut_at in range(life.board.power.steps):
            world = start.copy()
            world.felt = []
            if live(kind(world, cut_at, tear), [kind.touch, kind.touch]):
                raise AssertionError("no cut in step %d" % cut_at)
            totals["cuts"] += 1
            world.counts["broken"] = (
                0  # what a band reads while its power goes is not what it kept
            )
            judged(kind, world)
        gc.collect()


def main(first, count, kind):
    for seed in range(first, first + count):
        world = World(seed)
        world.counts["broken"] = 0
        world.felt = []
        live(kind(world), [kind.sos] * (seed * 7 % 40))  # fills logs to different heights
        cut_everywhere(kind, world)
    print(json.dumps(totals))


totals = {"cuts": 0, "unheard": 0, "unended": 0, "broken": 0}
main(int(sys.argv[1]), int(sys.argv[2]), FeltFirst if len(sys.argv) > 3 else Carer)
