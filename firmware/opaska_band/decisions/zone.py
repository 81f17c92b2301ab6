# SPDX-License-Identifier: Apache-2.0
# Is the wearer where she is safe? The zones are circles; all of them together are the safe place.
#
# A fix says only what its accuracy allows: surely inside, surely outside, or nothing. Outside must
# be said twice, and begins MARGIN_M behind the circle, so that one wrong fix, or a garden fence,
# raises nothing. Who was never seen inside cannot leave: a band that is switched on elsewhere, or
# gets its zones there, is silent until she has come home.

import math

MARGIN_M = 50  # GNSS between houses wanders by some tens of metres

# Where she is.
UNKNOWN = 0
INSIDE = 1
LEAVING = 2  # seen outside once
OUTSIDE = 3

# What a fix says.
IN = "in"
OUT = "out"

# What there is to tell.
LEFT = "left"
RETURNED = "returned"

TRANSITIONS = {
    (UNKNOWN, IN): (INSIDE, None),
    (UNKNOWN, OUT): (UNKNOWN, None),
    (INSIDE, IN): (INSIDE, None),
    (INSIDE, OUT): (LEAVING, None),
    (LEAVING, IN): (INSIDE, None),
    (LEAVING, OUT): (OUTSIDE, LEFT),
    (OUTSIDE, IN): (INSIDE, RETURNED),
    (OUTSIDE, OUT): (OUTSIDE, None),
}

_M_PER_E7 = 0.0111319491  # metres in 1e-7 degrees of the equator, WGS 84

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Zone = Any  # number, latitude and longitude in 1e-7 degrees, radius in m


def step(state: int, said: "str | None") -> "tuple[int, str | None]":
    """(new state, what to tell); a fix that says nothing changes nothing."""
    return (state, None) if said is None else TRANSITIONS[state, said]


def look(zones: "list[Zone]", position: "list[int]") -> "tuple[str | None, int]":
    """(what the position [latitude, longitude, accuracy m] says, number of the nearest zone)."""
    behind_m, nearest = min([(_behind_m(zone, position), zone[0]) for zone in zones])
    accuracy_m = position[2]
    if behind_m + accuracy_m <= 0:
        return IN, nearest
    if behind_m - accuracy_m > MARGIN_M:
        return OUT, nearest
    return None, nearest


def _behind_m(zone: "Zone", position: "list[int]") -> float:
    """How far outside the circle; negative inside. Flat, which is exact to 1 % within 50 km."""
    _, lat_e7, lon_e7, radius_m = zone
    north_m = (position[0] - lat_e7) * _M_PER_E7
    east_e7 = (position[1] - lon_e7 + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
    east_m = east_e7 * _M_PER_E7 * math.cos(math.radians(lat_e7 / 1e7))
    return math.sqrt(north_m * north_m + east_m * east_m) - radius_m
