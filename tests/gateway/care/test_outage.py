# SPDX-License-Identifier: Apache-2.0
"""Bands that fall silent together are one outage of the widest area that explains them."""

from __future__ import annotations

import pytest

from opaska_gateway.care.outage import Missing, Outage, Rules, find_outages, is_over, places_of

MINUTE_MS = 60_000
RULES = Rules(bands=5, percent=50, window_ms=30 * MINUTE_MS, flood=60)
OWNER, OTHER = b"o" * 16, b"p" * 16
TOWN, VILLAGE = b"t" * 16, b"v" * 16


def band(number: int, town: bytes | None, area: str | None, minute: int = 0) -> Missing:
    return Missing(number, minute * MINUTE_MS, places_of(OWNER, town, area))


def bands(count: int, town: bytes | None = TOWN, area: str | None = "32-4") -> list[Missing]:
    return [band(number, town, area) for number in range(count)]


def found(missing: list[Missing], **watched: int) -> list[tuple[str, str, int]]:
    """(level, name, bands) of the outages where so many are watched."""
    names = {"all": "", "town": TOWN.hex(), "village": VILLAGE.hex(), "area": "32-4"}
    number = {
        place: watched[key]
        for one in missing
        for place in one.places
        for key, name in names.items()
        if place.name == name and key in watched
    }
    outages = find_outages(missing, number, RULES)
    return [(one.place.level, one.place.name, len(one.silences)) for one in outages]


def test_what_struck_everybody_is_told_once_for_all() -> None:
    everybody = bands(20) + [band(100 + n, VILLAGE, "32-5") for n in range(20)]
    assert found(everybody, all=60, town=20, village=20) == [("organisation", "", 40)]


def test_a_village_and_the_next_one_are_two_outages() -> None:
    missing = bands(10, None) + [band(100 + n, None, "32-5") for n in range(10)]
    assert sorted(found(missing, all=500, area=12)) == [("area", "32-4", 10), ("area", "32-5", 10)]


def test_half_of_a_town_is_one_outage_of_the_town() -> None:
    assert found(bands(10), all=500, town=20, area=15) == [("municipality", TOWN.hex(), 10)]


@pytest.mark.parametrize(
    ("count", "watched", "outages"),
    [(4, 4, 0), (5, 5, 1), (5, 10, 1), (5, 11, 0), (49, 100, 0), (50, 100, 1)],
)
def test_few_bands_or_a_small_share_are_none(count: int, watched: int, outages: int) -> None:
    assert len(found(bands(count, None), all=10_000, area=watched)) == outages


@pytest.mark.parametrize(("count", "outages"), [(59, []), (60, [("organisation", "", 60)])])
def test_a_flood_is_one_wherever_it_comes_from(
    count: int, outages: list[tuple[str, str, int]]
) -> None:
    everywhere = [band(n, None, str(n)) for n in range(count)]
    watched = {place: 20 for one in everywhere for place in one.places[1:]}
    watched[everywhere[0].places[0]] = 10_000
    told = find_outages(everywhere, watched, RULES)
    assert [(one.place.level, one.place.name, len(one.silences)) for one in told] == outages


def test_a_town_within_a_flood_is_told_as_the_town_that_it_is() -> None:
    missing = bands(80) + [band(100 + n, None, str(n)) for n in range(70)]
    watched = {place: 1_000 for one in missing for place in one.places}
    watched[bands(1)[0].places[1]] = 90
    told = [(one.place.level, len(one.silences)) for one in find_outages(missing, watched, RULES)]
    assert told == [("municipality", 80), ("organisation", 70)]


def test_bands_that_fell_silent_one_after_the_other_are_none() -> None:
    missing = [band(n, None, "32-4", minute=n * 20) for n in range(20)]
    assert found(missing, all=20, area=20) == []


def test_only_those_within_the_window_belong_to_it_and_older_ones_do_not_count() -> None:
    early = [band(100 + n, None, "32-4", minute=-300 - n * 40) for n in range(10)]
    together = [band(n, None, "32-4", minute=n * 5) for n in range(6)]
    watched = dict.fromkeys(together[0].places, 20)
    (outage,) = find_outages(early + together, watched, RULES)
    assert outage == Outage(together[0].places[0], 0, 10, (0, 1, 2, 3, 4, 5))


def test_organisations_have_their_own_outages() -> None:
    theirs = [Missing(100 + n, 0, places_of(OTHER, None, "32-4")) for n in range(4)]
    missing = bands(4) + theirs
    assert found(missing, all=4, town=4, area=4) == []


@pytest.mark.parametrize(
    ("members", "still", "calm_min", "over"),
    [
        (10, 10, 600, False),
        (10, 6, 600, False),
        (10, 5, 19, False),
        (10, 5, 20, True),
        (2, 1, 20, True),
        (10, 4, 19, False),  # they are coming back
        (10, 4, 20, True),  # the others have reasons of their own
        (10, 1, 0, False),
        (10, 0, 0, True),
        (100, 9, 0, True),
        (5, 0, 0, True),
    ],
)
def test_an_outage_is_over_when_few_are_left_or_no_more_come_back(
    members: int, still: int, calm_min: int, over: bool
) -> None:
    assert is_over(members, still, calm_min * MINUTE_MS, 20 * MINUTE_MS) is over
