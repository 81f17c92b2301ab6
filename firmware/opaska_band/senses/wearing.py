# SPDX-License-Identifier: Apache-2.0
# Loop, pad, light and motion -> worn, loose, taken off, cut or charging.
#
# Loop, pad and the oximeter's light each vote for or against "on the skin"; one that is broken or
# not there has no vote. Two against one win. The tie of a closed clasp and a missing pad is
# "loose", until nothing has moved for so long that no arm can be in it. While the clasp is closed
# and it moves as a wrist does, it does not lie on a table. A cut is a cut, and on the charger
# nothing is taken off. Light costs the most: its vote is asked for when the others do not agree,
# and what it said before the others became what they are does not count.
#
# What it looks like counts once it has done so for a while: shorter when all agree. Times in ms.

from opaska_protocol.reports import (
    CHARGING,
    CUT,
    LOOP_OPEN,
    LOOSE,
    NO_CONTACT,
    ON_CHARGER,
    PAD_AWAY,
    TAKEN_OFF,
    WORN,
)

from .pad import Pad

# The loop is pulled up by 220 kOhm; closed it is ground, 1 MOhm bridges the open clasp.
_CLOSED_MV = 800  # below; sweat across an open clasp would have to be under 70 kOhm
_CUT_MV = 2_920  # above: an open clasp gives 2.71 V, +-5 % of the resistors included
_MOVED_S = 6  # an arm that moved so recently
_UNMOVED_S = 900  # no sleeper lies so still that no axis changes by 0.1 g

# Before it counts, by strap profile 1 to 3: all who vote agree, or most do.
_HOLD_MS = ((5_000, 12_000), (2_000, 6_000), (1_000, 3_000))
# Until the next look: while something changes, while they do not agree, while an arm comes to rest
# on which it depends, while it moves, and at rest. What is taken off moves, or opens the clasp:
# both are looked at at once.
_CHANGING_MS = 400
_SPLIT_MS = 2_000
_STILLING_MS = 1_000
_MOVING_MS = 3_000
_REST_MS = 15_000
_RESTING_S = 30


class Wearing:
    """`look` again after `wait_ms`, and at once when the clasp has an edge, or the arm moves after
    a rest."""

    def __init__(self, air: int) -> None:
        self.pad = Pad(air)
        self.evidence = 0  # bits as a report has them
        self.since_ms = 0  # it has looked so since then
        self.wait_ms = 0
        self.needs_light = False  # loop and pad do not agree, and that matters
        self.parted_ms = 0  # loop and pad have been as they are since then
        self.needs_rest = False  # a movement alone speaks for it: soon it is taken off, or is not
        self._looks = 0  # a state of a report; 0: like nothing yet
        self._votes: "tuple[bool | None, bool | None]" = (None, None)  # of loop and pad
        self._against_ms = -1  # most do not speak for it since then; -1: they do
        self._looked_ms: "int | None" = None

    def look(
        self,
        now_ms: int,
        profile: int,
        loop_mv: "int | None",
        pad_count: "int | None",
        contact: "bool | None",
        charges: bool,
        still_s: "int | None",
    ) -> int:
        """The state that is certain now, or 0. `contact`: light meets skin; `still_s`: since when
        nothing has moved; None: nobody knows."""
        took_ms = 0 if self._looked_ms is None else now_ms - self._looked_ms
        self._looked_ms = now_ms
        is_open = None if loop_mv is None else loop_mv >= _CLOSED_MV
        feels = None
        if pad_count is not None:
            feels = self.pad.feed(pad_count, took_ms, bool(is_open) and not charges)
        against = (is_open is True) + (feels is False) + (contact is False)
        favour = (is_open is False) + (feels is True) + (contact is True)
        if self._votes != (is_open, feels):
            self._votes = (is_open, feels)
            self.parted_ms = now_ms
        self.needs_light = False
        self.evidence = (
            LOOP_OPEN * (is_open is True)
            | PAD_AWAY * (feels is False)
            | NO_CONTACT * (contact is False)
            | ON_CHARGER * charges
        )
        if loop_mv is not None and loop_mv > _CUT_MV:
            looks = CUT
        elif charges:
            looks = CHARGING
        else:
            looks = _judged(against, favour, is_open, still_s)
            self.needs_light = is_open is None or is_open is feels or feels is None
        self.needs_rest = looks == LOOSE and against > favour
        if looks != self._looks:
            self._looks = looks
            self.since_ms = now_ms
        if against < favour or self._looks == 0:
            self._against_ms = -1
        elif self._against_ms < 0:
            self._against_ms = now_ms
        # a closed band has lain still for a while already: what counts is since when votes miss
        began_ms = self._against_ms if looks == TAKEN_OFF and not is_open else self.since_ms
        split = looks < CUT and against > 0 and favour > 0
        if now_ms - began_ms < _HOLD_MS[profile - 1][split]:
            self.wait_ms = _CHANGING_MS
            return 0
        self.wait_ms = self._pause_ms(split, still_s)
        return looks

    def _pause_ms(self, split: bool, still_s: "int | None") -> int:
        """Until the next look, while nothing changes."""
        if self.pad.repeats and not self.pad.is_stuck:
            return _CHANGING_MS
        if still_s is not None and still_s >= _RESTING_S:
            return _REST_MS
        if self.needs_rest and still_s:
            return _STILLING_MS
        return _SPLIT_MS if split else _MOVING_MS


def _judged(against: int, favour: int, is_open: "bool | None", still_s: "int | None") -> int:
    """WORN, LOOSE, TAKEN_OFF, or 0 when nobody votes."""
    if against + favour == 0:
        return 0
    if against > favour:
        is_moved = is_open is not True and still_s is not None and still_s < _MOVED_S
        return LOOSE if is_moved else TAKEN_OFF
    if favour > against:
        return LOOSE if is_open else WORN
    if not is_open and still_s is not None and still_s >= _UNMOVED_S:
        return TAKEN_OFF
    return LOOSE
