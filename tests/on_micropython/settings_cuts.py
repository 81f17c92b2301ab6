# SPDX-License-Identifier: Apache-2.0
# Power cut at every program and erase step while settings are ordered, in three tear modes, and
# once more while they are ordered again. Prints JSON: how many cuts, how often a band came back
# with settings that nobody had ordered, with broken ones, with a fault, or did not take them then.
#
#   micropython settings_cuts.py <first seed> <seeds> [planted]

import gc
import json
import sys

from flash_device import TEARS
from flash_story import Life, World, live

from opaska_band import obey, settings, state
from opaska_protocol.orders import SETTINGS, Order, settings_fields

OLD = {0: 7, 1: 900, 2: 600, 8: 30, 9: 45, 10: 120, 13: 400, 14: 1_300, 15: 120}
NEW = {0: 8, 1: 100, 3: True, 8: 120, 11: 85, 12: 9, 15: -720}


class Set(Life):
    """A band that is there for its settings."""

    heartbeat = None

    def start(self):
        super().start()
        self.last_dseq = state.load_dseq(self.storage, self.board.nvs)
        self.settings, broken = settings.load(self.storage)
        if broken:
            self.world.count("broken")
        if said(self.settings) not in self.world.may_be:
            self.world.count("mixed")

    @property
    def faults(self):
        return self

    def use_settings(self):
        pass

    def ordered(self, arguments):
        obey.obey(self, Order(self.last_dseq + 1, SETTINGS, arguments))


class OneByOne(Set):
    """The bug: each setting is kept by itself."""

    def ordered(self, arguments):
        for key in sorted(arguments):
            self.settings.change({key: arguments[key], 0: arguments[0]})
            self.settings.save(self.storage)


def said(set_):
    return [getattr(set_, row[1]) for row in settings_fields()]


def meant(arguments):
    whole = settings.Settings()
    whole.change(arguments)
    return said(whole)


def order(arguments):
    return lambda life: life.ordered(arguments)


def world_of(seed):
    world = World(seed)
    for what in ("broken", "mixed", "not_taken"):
        world.counts[what] = 0
    world.may_be = [said(settings.Settings())]
    return world


def allow(world, *sets):
    world.may_be = [meant(arguments) for arguments in sets]


def judged(kind, world):
    """What the gateway orders again takes effect, and stays."""
    live(kind(world), [order(NEW)])
    allow(world, NEW)
    life = kind(world)
    live(life, [])
    if said(life.settings) != meant(NEW):
        world.count("not_taken")
    for what, count in world.counts.items():
        totals[what] = totals.get(what, 0) + count


def cut_everywhere(kind, start):
    life = kind(start.copy())
    live(life, [order(NEW)])
    for tear in TEARS:
        for cut_at in range(life.board.power.steps):
            world = start.copy()
            if live(kind(world, cut_at, tear), [order(NEW)]):
                raise AssertionError("no cut in step %d" % cut_at)
            totals["cuts"] += 1
            again = world.copy()
            judged(kind, world)
            live(kind(again, cut_at * 7 % life.board.power.steps, tear), [order(NEW)])
            judged(kind, again)
        gc.collect()


def main(first, count, kind):
    for seed in range(first, first + count):
        world = world_of(seed)
        live(kind(world), [kind.sos] * (seed * 7 % 40))  # fills logs to different heights
        live(kind(world), [order(OLD)])
        allow(world, OLD, NEW)
        cut_everywhere(kind, world)
    print(json.dumps(totals))


totals = {"cuts": 0}
main(int(sys.argv[1]), int(sys.argv[2]), OneByOne if len(sys.argv) > 3 else Set)
