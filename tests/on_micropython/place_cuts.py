# SPDX-License-Identifier: Apache-2.0
# Power cut at every program and erase step while safe zones are ordered and the last fix is kept,
# in three tear modes. Prints JSON: how many cuts, and how often a band came back with zones or a
# place that it never had, with a fault, or without the zones that the gateway believes it has.
#
#   micropython place_cuts.py <first seed> <seeds> [planted]

import gc
import json
import sys

from flash_device import TEARS
from flash_story import GENERATION, Life, World, live

from opaska_band import obey, state
from opaska_band.place import Place
from opaska_protocol.orders import ZONES, Order

OLD = {1: [522_242_700, 210_123_000, 300], 3: [-522_242_700, 10_123_000, 50_000]}
NEW = {2: [512_000_000, 220_000_000, 50]}
FIXES = ([522_242_700, 210_123_000, 5], [522_342_700, 210_123_000, 25])
BEGAN_S = 1_790_000_000


class Placed(Life):
    """A band that is there for its places; a fix is a second."""

    generation = GENERATION
    heartbeat = None
    modem = None

    def start(self):
        super().start()
        self.last_dseq = state.load_dseq(self.storage, self.board.nvs)
        self.faults = self.identity = self.cellular = self.uptime = self.wall = self
        self.place = Place(self)
        if said(self.place._zones) not in self.world.zones or self.place._before not in (
            self.world.fixes
        ):
            self.world.count("mixed")

    def ms(self):
        return 0

    def report(self, now_ms):
        return [now_ms, BEGAN_S, 1]

    def ordered(self, dseq, arguments):
        obey.obey(self, Order(dseq, ZONES, arguments))

    def fixed(self, position):
        self.place._position = list(position)
        self.place._keep_fix()


class NumberFirst(Placed):
    """The bug: the number of the order is kept before its zones."""

    def ordered(self, dseq, arguments):
        state.save_dseq(self.storage, self.board.nvs, dseq)
        super().ordered(dseq, arguments)
        self.place._use_zones(Order(dseq, ZONES, arguments))


def said(zones):
    return [list(zone) for zone in zones]


def meant(arguments):
    return [[zone] + list(circle) for zone, circle in sorted(arguments.items())]


def kept(fix):
    return list(fix) + [BEGAN_S]


def a_day(kind):
    return [lambda life: life.ordered(2, NEW), lambda life: life.fixed(FIXES[1])]


def world_of(kind, seed):
    """One in which the old zones and the old fix are kept."""
    world = World(seed)
    for what in ("mixed", "lost_zones"):
        world.counts[what] = 0
    world.zones, world.fixes = [[]], [None]
    live(kind(world), [kind.sos] * (seed * 7 % 40))  # fills logs to different heights
    live(kind(world), [lambda life: life.ordered(1, OLD), lambda life: life.fixed(FIXES[0])])
    world.zones, world.fixes = [meant(OLD), meant(NEW)], [kept(FIXES[0]), kept(FIXES[1])]
    return world


def judged(kind, world):
    """What the band does not echo is ordered again; then it has it."""
    life = kind(world)
    live(life, [])
    if life.last_dseq < 2:
        live(kind(world), [lambda life: life.ordered(2, NEW)])
    life = kind(world)
    live(life, [])
    if said(life.place._zones) != meant(NEW):
        world.count("lost_zones")
    for what, count in world.counts.items():
        totals[what] = totals.get(what, 0) + count


def cut_everywhere(kind, start):
    life = kind(start.copy())
    live(life, a_day(kind))
    for tear in TEARS:
        for cut_at in range(life.board.power.steps):
            world = start.copy()
            if live(kind(world, cut_at, tear), a_day(kind)):
                raise AssertionError("no cut in step %d" % cut_at)
            totals["cuts"] += 1
            judged(kind, world)
        gc.collect()


def main(first, count, kind):
    for seed in range(first, first + count):
        cut_everywhere(kind, world_of(kind, seed))
    print(json.dumps(totals))


totals = {"cuts": 0}
main(int(sys.argv[1]), int(sys.argv[2]), NumberFirst if len(sys.argv) > 3 else Placed)
