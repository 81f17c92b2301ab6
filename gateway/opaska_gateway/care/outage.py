# SPDX-License-Identifier: Apache-2.0
"""When many bands of one area fall silent together it is one outage: a mast, a broker, the power.

Areas are tried from the widest to the narrowest, so that what struck everybody is told once:
all bands of an organisation (its broker, its network), those of a municipality, those of an area
(a postal district, or what the operator wrote).

So many that they would flood the centre are one as well, wherever they are.

It is over when few of its bands are still silent, or when half of them came back and for a period
no other has. Whoever is silent then has a reason of their own.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ORGANISATION: Final = "organisation"
MUNICIPALITY: Final = "municipality"
AREA: Final = "area"

FEW: Final = 10  # a tenth of its bands


class Place(NamedTuple):
    """An area of some width; `name` is the area, the municipality's id, or "" for all."""

    organisation_id: bytes
    level: str
    name: str


class Rules(NamedTuple):
    """What makes an outage; see `SupervisionSettings`."""

    bands: int
    percent: int  # of the bands there
    window_ms: int
    flood: int  # bands that are an outage whatever part they are


class Missing(NamedTuple):
    """A band that is silent, or may soon be."""

    silence_id: int
    quiet_since_ms: int
    places: tuple[Place, ...]  # from the widest to the narrowest


class Outage(NamedTuple):
    """One that was found."""

    place: Place
    since_ms: int
    watched: int  # bands there, without those that were silent before
    silences: tuple[int, ...]


def places_of(
    organisation_id: bytes, municipality_id: bytes | None, area: str | None
) -> tuple[Place, ...]:
    """From the widest to the narrowest."""
    places = [Place(organisation_id, ORGANISATION, "")]
    if municipality_id is not None:
        places.append(Place(organisation_id, MUNICIPALITY, municipality_id.hex()))
    if area:
        places.append(Place(organisation_id, AREA, area))
    return tuple(places)


def find_outages(
    missing: Sequence[Missing], watched: Mapping[Place, int], rules: Rules
) -> list[Outage]:
    """The outages that explain these bands, each band in one at most."""
    found: list[Outage] = []
    explained: set[int] = set()
    for level in (ORGANISATION, MUNICIPALITY, AREA):
        found += _found(missing, watched, rules, level, explained)
    anywhere = rules._replace(bands=rules.flood, percent=0)
    return [*found, *_found(missing, watched, anywhere, ORGANISATION, explained)]


def _found(
    missing: Sequence[Missing],
    watched: Mapping[Place, int],
    rules: Rules,
    level: str,
    explained: set[int],
) -> Iterator[Outage]:
    """Those of one level; takes no band that is explained, and adds what it explains."""
    for place, bands in _by_place(missing, level).items():
        left = [band for band in bands if band.silence_id not in explained]
        together = _most_together(left, rules.window_ms)
        if len(together) < rules.bands:
            continue
        since_ms = together[0].quiet_since_ms
        before = sum(band.quiet_since_ms < since_ms for band in bands)
        there = watched.get(place, len(bands)) - before
        if len(together) * 100 >= rules.percent * there:
            silences = tuple(band.silence_id for band in together)
            explained.update(silences)
            yield Outage(place, since_ms, there, silences)


def is_over(members: int, still_silent: int, since_last_return_ms: int, period_ms: int) -> bool:
    """`since_last_return_ms` counts from the beginning if nobody came back yet."""
    if still_silent * FEW < members:  # in their drawers, or flat
        return True
    return still_silent * 2 <= members and since_last_return_ms >= period_ms


def _by_place(missing: Iterable[Missing], level: str) -> dict[Place, list[Missing]]:
    groups: defaultdict[Place, list[Missing]] = defaultdict(list)
    for band in sorted(missing, key=lambda one: one.quiet_since_ms):
        for place in band.places:
            if place.level == level:
                groups[place].append(band)
    return groups


def _most_together(bands: Sequence[Missing], window_ms: int) -> Sequence[Missing]:
    """Of bands in the order of their last words, the most that lie within one window."""
    best: Sequence[Missing] = ()
    first = 0
    for last, band in enumerate(bands):
        while band.quiet_since_ms - bands[first].quiet_since_ms > window_ms:
            first += 1
        if last - first + 1 > len(best):
            best = bands[first : last + 1]
    return best
