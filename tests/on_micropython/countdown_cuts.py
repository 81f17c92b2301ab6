# SPDX-License-Identifier: Apache-2.0
# Power cut at every program and erase step of a fall, from its announcement to its end, in three
# tear modes; then the band starts three times with a good link. Prints JSON: how many cuts, and
# how often the gateway was left with something that must not be.
#
#   micropython countdown_cuts.py <first seed> <seeds> [planted]

import gc
import json
import sys

from flash_device import TEARS
from flash_story import GATEWAY, GENERATION, KEY, KID, Life, Presses, World, deliver_all, live

from opaska_band.countdown import Countdown
from opaska_band.decisions import fall
from opaska_band.resume import waiting_alarms
from opaska_band.senses.press import Press
from opaska_band.sos import Sos
from opaska_protocol import frame, reports

WRONG = (
    "unannounced",
    "cancelled_unasked",
    "raised_after_cancel",
    "forgotten",
    "raised_twice",
    "raised_again",
)


class Felt:
    peak_mg = 4_210
    score_percent = 87


class Identity:
    kid, generation, key = KID, GENERATION, KEY


class Fallen(Life):
    """A band with a countdown; time is what the story says."""

    def start(self):
        super().start()
        self.sos = Sos(self.reporter, lambda: None, lambda _: None, dict, self)
        self.sos._set_timer = lambda on: None
        uptime = Presses(self.world)
        self.countdown = Countdown(
            self.reporter, self.sos, Press(500), None, self.storage, GENERATION, uptime, self
        )
        self.sos.resume(waiting_alarms(self.outbox, Identity, self.channel.boot))
        self.countdown.resume(self.channel.boot)

    def fall(self):
        self.countdown.felt(Felt())
        self.world.announced = True

    def is_raised(self):
        self.countdown._happen(fall.DEADLINE)

    def is_cancelled(self):
        self.countdown._happen(fall.PRESS)
        self.countdown._happen(fall.HELD_5S)
        self.world.asked = True
        self.countdown._happen(fall.LET_GO)
        self.world.cancelled = True


class MarkedTooLate(Fallen):
    """The bug: the file goes before the alarm is kept, and the announcement waits for nobody."""

    def is_raised(self):
        self.countdown._unmark()
        self.outbox.remove(self.channel.boot, self.countdown.announced)
        super().is_raised()


def told(world):
    """(announcements, raised, cancelled) at the gateway: the (boot, seq) that each names."""
    found = {reports.ANNOUNCED_FALL: [], reports.ALARM: [], reports.FALL_CANCELLED: []}
    for (boot, seq), sealed in world.stored.items():
        header, ciphertext = frame.parse_up(sealed)
        report = reports.decode_report(GATEWAY.open(header, ciphertext))
        named = (report.fields.get("of_boot", boot), report.fields.get("of_seq", seq))
        if report.type in found:
            found[report.type].append(named)
    return found[reports.ANNOUNCED_FALL], found[reports.ALARM], found[reports.FALL_CANCELLED]


def judged(kind, world):
    """What the gateway has after the next start must be whole, and stay so."""
    live(kind(world), [deliver_all])
    announced, raised, cancelled = told(world)
    ended = raised + cancelled
    wrong = {
        "unannounced": [key for key in ended if key not in announced],
        "cancelled_unasked": cancelled if not world.asked else [],
        "raised_after_cancel": raised if world.cancelled else [],
        "forgotten": [1] if world.announced and not announced else [],
    }
    for what, keys in wrong.items():
        totals[what] += bool(keys)
    for _ in range(2):
        live(kind(world), [deliver_all])
    totals["raised_again"] += len(told(world)[1]) - len(raised)
    totals["raised_twice"] += len(raised) > 1
    totals["faults"] += world.counts["faults"]


def cut_everywhere(kind, start, actions):
    life = kind(start.copy())
    live(life, actions)
    for tear in TEARS:
        for cut_at in range(life.board.power.steps):
            world = start.copy()
            if live(kind(world, cut_at, tear), actions):
                raise AssertionError("no cut in step %d" % cut_at)
            totals["cuts"] += 1
            judged(kind, world)
        gc.collect()


def main(first, count, kind):
    for seed in range(first, first + count):
        world = World(seed)
        world.announced = world.asked = world.cancelled = False
        live(Life(world), [Life.sos, deliver_all] * (seed * 7 % 40))  # logs of different heights
        world.stored.clear()
        for end in (kind.is_raised, kind.is_cancelled):
            cut_everywhere(kind, world, [kind.fall, end])
    print(json.dumps(totals))


totals = dict.fromkeys(WRONG + ("cuts", "faults"), 0)
main(int(sys.argv[1]), int(sys.argv[2]), MarkedTooLate if len(sys.argv) > 3 else Fallen)
