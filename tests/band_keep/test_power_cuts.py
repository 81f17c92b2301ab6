# SPDX-License-Identifier: Apache-2.0
"""Power cut at every write of boot, SOS and acknowledgement: nothing lost, doubled or reused.

And of an order of settings: the old whole set or the new one, and never another. Of an order of
zones, and of the last fix: the old or the new. And of a fall: announced, and raised once or
cancelled."""

import json
import sys

import pytest

from tests.band_keep import on_micropython

SEEDS = 21  # about 144 cuts each, and as many again during the recovery
CHILDREN = 2  # the cores that the tests may count on
NEVER = ("lost", "doubled", "clashes", "nonce_reuse", "unmountable", "faults")
CAUGHT_BY = {
    "CounterSavedAfterUse": "nonce_reuse",
    "DeletedBeforeAnswer": "lost",
    "SealedFreshOnRetry": "doubled",
}


def _cut(first: int, seeds: int, bug: str = "", script: str = "flash_cuts.py") -> dict[str, int]:
    """Cut everywhere in the worlds of these seeds, side by side, and add up what came of it."""
    each = -(-seeds // CHILDREN)
    children = [
        on_micropython.start(
            script,
            str(seed),
            str(min(each, first + seeds - seed)),
            *([bug] if bug else []),
            heap="8M",
        )
        for seed in range(first, first + seeds, each)
    ]
    totals: dict[str, int] = {}
    for child in children:
        for name, count in json.loads(on_micropython.last_line(child, 1800)).items():
            totals[name] = totals.get(name, 0) + count
    sys.stdout.write(json.dumps(totals) + "\n")
    return totals


@pytest.mark.soak
def test_no_cut_loses_doubles_or_reuses_anything(effort: int) -> None:
    totals = _cut(1, SEEDS * effort)
    assert totals["cuts"] >= 3000 * effort
    assert totals["double_cuts"] == totals["cuts"]
    assert {name: totals[name] for name in NEVER} == dict.fromkeys(NEVER, 0)


@pytest.mark.soak
def test_a_cut_leaves_the_old_or_the_new_whole_set_of_settings(effort: int) -> None:
    totals = _cut(1, SEEDS * effort, script="settings_cuts.py")
    assert totals["cuts"] >= 300 * effort
    kept = ("mixed", "broken", "not_taken", "faults", "unmountable")
    assert {name: totals[name] for name in kept} == dict.fromkeys(kept, 0)


def test_a_cut_leaves_a_fall_announced_and_raised_once_or_cancelled() -> None:
    totals = _cut(1, 4, script="countdown_cuts.py")
    assert totals.pop("cuts") >= 200
    assert totals == dict.fromkeys(totals, 0)
    planted = _cut(1, 1, "planted", "countdown_cuts.py")
    assert planted["unannounced"] > 0
    assert planted["forgotten"] > 0


def test_a_cut_leaves_the_old_zones_or_the_new_and_no_band_echoes_zones_that_it_lost() -> None:
    totals = _cut(1, 8, script="place_cuts.py")
    assert totals.pop("cuts") >= 100
    assert totals == dict.fromkeys(totals, 0)
    assert _cut(1, 1, "planted", "place_cuts.py")["lost_zones"] > 0


def test_settings_that_are_kept_one_by_one_are_caught() -> None:
    assert _cut(1, 1, "planted", "settings_cuts.py")["mixed"] > 0


@pytest.mark.parametrize("bug", CAUGHT_BY)
def test_a_planted_bug_is_caught(bug: str) -> None:
    assert _cut(1, 1, bug)[CAUGHT_BY[bug]] > 0


def test_a_cut_loses_no_visit_that_was_felt_and_leaves_the_book_of_visits_whole() -> None:
    totals = _cut(1, 4, script="visit_cuts.py")
    assert totals.pop("cuts") >= 80
    assert totals == dict.fromkeys(totals, 0)
    planted = _cut(1, 1, "planted", "visit_cuts.py")
    assert planted["unheard"] > 0
