# SPDX-License-Identifier: Apache-2.0
"""The GNSS receiver inside the modem: AT+QGPS and its NMEA. Runs on CPython, in the supervisor.

Command names and error numbers as in Quectel's GNSS application notes for its LTE modems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_OK = "OK"
_IS_ON, _IS_OFF, _NO_FIX = "+CME ERROR: 504", "+CME ERROR: 505", "+CME ERROR: 516"
_BAD = "+CME ERROR: 501"
_KNOWS_MS = 7_200_000  # so long after a fix it knows where its satellites are


class Sky(NamedTuple):
    """What the antenna sees, at a place."""

    latitude_deg: float
    longitude_deg: float
    satellites: int = 9
    hdop: float = 1.1


class Gnss:
    """The world sets `sky` (None: indoors), the times to a fix and, for a bad day, `garbage`."""

    def __init__(
        self,
        after: Callable[[float, Callable[[], None]], None],
        utc: Callable[[], tuple[int, int, int, int, int, int]],
    ) -> None:
        self.sky: Sky | None = None
        self.first_fix_ms = 30_000  # a cold start under open sky
        self.hot_fix_ms = 5_000  # when it was on not long ago
        self.garbage: Callable[[str], str] | None = None  # what becomes of a sentence
        self.is_on = False
        self._after = after
        self._utc = utc
        self._has_found = self._is_hot = False
        self._starts = self._fixes = 0

    def power_off(self) -> None:
        """It forgets its satellites, too."""
        self.end()
        self._is_hot = False

    def end(self) -> None:
        self._starts += 1
        self.is_on = self._has_found = False

    def obey(self, command: str) -> str:
        """The answer to a command that begins with +QGPS."""
        if command == "+QGPS=1":
            return self._begin()
        if command == "+QGPS?":
            return f"+QGPS: {int(self.is_on)}\nOK"
        if not self.is_on:
            return _IS_OFF
        if command == "+QGPSEND":
            self.end()
            return _OK
        if command.startswith('+QGPSGNMEA="'):
            return self._nmea(command[12:15])
        return _BAD

    def _begin(self) -> str:
        if self.is_on:
            return _IS_ON
        self.is_on = True
        self._starts += 1
        start = self._starts

        def found() -> None:
            if self._starts == start:
                self._find()

        self._after(self.hot_fix_ms if self._is_hot else self.first_fix_ms, found)
        return _OK

    def _find(self) -> None:
        self._has_found = True
        self._is_hot = self._is_hot or self.sky is not None
        self._fixes += 1
        fix = self._fixes

        def forget() -> None:
            self._is_hot = self._is_hot and self._fixes != fix

        self._after(_KNOWS_MS, forget)

    def _nmea(self, kind: str) -> str:
        making = {"RMC": self._rmc, "GGA": self._gga}.get(kind)
        if making is None:
            return _BAD
        body = making(self.sky if self._has_found else None)
        checksum = 0
        for character in body:
            checksum ^= ord(character)
        sentence = f"${body}*{checksum:02X}"
        if self.garbage:
            sentence = self.garbage(sentence)
        return f"+QGPSGNMEA: {sentence}\nOK"

    def _rmc(self, sky: Sky | None) -> str:
        year, month, day, *_ = self._utc()
        if sky is None:
            return "GNRMC,,V,,,,,,,,,,N"
        date = f"{day:02}{month:02}{year % 100:02}"
        return f"GNRMC,{self._time()},A,{_place(sky)},0.0,,{date},,,A"

    def _gga(self, sky: Sky | None) -> str:
        if sky is None:
            return "GNGGA,,,,,,0,,,,,,,,"
        seen = f"1,{sky.satellites:02},{sky.hdop:.1f}"
        return f"GNGGA,{self._time()},{_place(sky)},{seen},100.0,M,34.0,M,,"

    def _time(self) -> str:
        *_, hour, minute, second = self._utc()
        return f"{hour:02}{minute:02}{second:02}.00"


def _place(sky: Sky) -> str:
    north, east = "N" if sky.latitude_deg >= 0 else "S", "E" if sky.longitude_deg >= 0 else "W"
    latitude, longitude = _angle(sky.latitude_deg, 2), _angle(sky.longitude_deg, 3)
    return f"{latitude},{north},{longitude},{east}"


def _angle(degrees: float, digits: int) -> str:
    """Degrees and minutes, as 5213.45678."""
    hundred_thousandths = round(abs(degrees) * 60 * 100_000)
    whole, minutes = divmod(hundred_thousandths, 60 * 100_000)
    return f"{whole:0{digits}}{minutes / 100_000:08.5f}"
