# SPDX-License-Identifier: Apache-2.0
"""Safe zones as a ZONES order carries them: circles, all of them at once. SPEC.md, section 7."""

from .body import INTS, fits
from .errors import BodyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_ZONES = 3  # their numbers are 1 to 3
_MIN_RADIUS_M, _MAX_RADIUS_M = 50, 50_000  # less is lost in the error of a fix
_MAX_LATITUDE_E7, _MAX_LONGITUDE_E7 = 900_000_000, 1_800_000_000


def zones_from_wire(arguments: "dict[int, Any]") -> "list[tuple[int, int, int, int]]":
    """(zone, latitude 1e-7 deg, longitude 1e-7 deg, radius m) of each; BodyError for a bad one."""
    zones: "list[tuple[int, int, int, int]]" = []
    for zone in sorted(arguments):
        if not (1 <= zone <= MAX_ZONES and _is_circle(arguments[zone])):
            raise BodyError("bad_field", "zone %d" % zone)
        latitude, longitude, radius = arguments[zone]
        zones.append((zone, latitude, longitude, radius))
    return zones


def _is_circle(circle: "Any") -> bool:
    return (
        fits(circle, INTS, 3)
        and abs(circle[0]) <= _MAX_LATITUDE_E7
        and abs(circle[1]) <= _MAX_LONGITUDE_E7
        and _MIN_RADIUS_M <= circle[2] <= _MAX_RADIUS_M
    )
