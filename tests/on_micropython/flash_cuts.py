# SPDX-License-Identifier: Apache-2.0
# Power cut at every program and erase step of several boots, in three tear modes, and once more
# during the recovery. Prints JSON: how many cuts, and what was lost, doubled or
# reused, which must be 0.
#
#   micropython flash_cuts.py <first seed> <seeds> [planted bug]

import gc
import json
import sys

import flash_plants
from flash_device import TEARS
from flash_story import Life, World, live, recovery, story, wear

BOOTS = 3  # the first one also formats the flash

totals = {"cuts": 0, "double_cuts": 0, "steps": 0, "erases": 0, "lost": 0}


def end(kind, world):
    """The last boot of a world: all is delivered, then judged."""
    live(kind(world), recovery(kind))
    totals["lost"] += world.lost()
    for what, count in world.counts.items():
        totals[what] = totals.get(what, 0) + count


def cut_everywhere(kind, start, actions, steps):
    for tear in TEARS:
        for cut_at in range(steps):
            world = start.copy()
            if live(kind(world, cut_at, tear), actions):
                raise AssertionError("no cut in step %d" % cut_at)
            totals["cuts"] += 1
            again = world.copy()
            life = kind(world)
            live(life, recovery(kind))
            end(kind, world)
            cut_recovery(kind, again, (cut_at * 7 + tear) % life.board.power.steps, tear)
        gc.collect()


def cut_recovery(kind, world, cut_at, tear):
    live(kind(world, cut_at, tear), recovery(kind))
    totals["double_cuts"] += 1
    end(kind, world)


def main(first, count, kind):
    for seed in range(first, first + count):
        world = World(seed)
        for boot in range(BOOTS):
            actions = story(kind, world)
            start = world.copy()
            life = kind(world)
            live(life, actions)
            totals["steps"] += life.board.power.steps
            totals["erases"] += life.board.power.erases
            cut_everywhere(kind, start, actions, life.board.power.steps)
            if boot == 0:
                live(kind(world), wear(kind, seed))
        end(kind, world)
    print(json.dumps(totals))


kind = getattr(flash_plants, sys.argv[3]) if len(sys.argv) > 3 else Life
main(int(sys.argv[1]), int(sys.argv[2]), kind)
