# SPDX-License-Identifier: Apache-2.0
# What a GNSS receiver says: bytes of NMEA 0183 in pieces of any size -> fixes.
#
# A sentence counts only whole and with its right checksum. RMC says when and whether it is valid,
# GGA how good it is; both name the time of day, by which they belong together, in either order. A
# receiver that sends only one of them gets its fixes when the next time of day begins. Positions
# that were not measured (estimated, typed in, simulated) are none.

_LONGEST = 96  # characters from $ to the checksum; the standard's 82, and what receivers add
_MODES_MEASURED = "ADFPR"  # autonomous, differential, float RTK, precise, RTK; others are guesses
_QUALITIES_MEASURED = (1, 2, 3, 4, 5)  # of GGA, likewise; 6 estimated, 7 manual, 8 simulator
_FIRST_YEAR = 2025  # an earlier date is a receiver that has lost its week number
_LAST_YEAR = 2079

_DOLLAR, _STAR, _CR, _LF = 0x24, 0x2A, 0x0D, 0x0A


class Fix:
    """Where and when, in WGS 84. None = it does not say."""

    __slots__ = ("date", "day_ms", "hdop_tenths", "lat_e7", "lon_e7", "satellites")

    def __init__(self, day_ms: int) -> None:
        self.day_ms = day_ms  # UTC of day
        self.lat_e7: "int | None" = None  # 1e-7 degrees, north and east positive
        self.lon_e7: "int | None" = None
        self.date: "tuple[int, int, int] | None" = None  # year, month, day, UTC
        self.satellites: "int | None" = None  # used
        self.hdop_tenths: "int | None" = None


class Nmea:
    """Feed it what the receiver sent; it never raises."""

    def __init__(self) -> None:
        self.sentences = 0  # that were whole
        self.refused = 0  # with a $, but broken
        self._line = bytearray(_LONGEST)
        self._size = -1  # of the line so far; -1 before a $
        self._fix: "Fix | None" = None  # of the present time of day, not yet told
        self._told_ms = -1  # time of day that was told already
        self._has = 0  # bit 1: RMC has come, bit 2: GGA
        self._void = False  # one of them said that there is no fix

    def feed(self, data: "bytes | bytearray | memoryview") -> "list[Fix]":
        """The fixes that are complete now."""
        fixes: "list[Fix]" = []
        for byte in data:
            if byte == _DOLLAR:
                if self._size >= 0:
                    self.refused += 1
                self._size = 0
            elif self._size < 0:
                pass
            elif byte in (_CR, _LF):
                self._sentence(fixes)
                self._size = -1
            elif self._size == _LONGEST or not 0x20 <= byte < 0x7F:
                self.refused += 1
                self._size = -1
            else:
                self._line[self._size] = byte
                self._size += 1
        return fixes

    def _sentence(self, fixes: "list[Fix]") -> None:
        text = _checked(memoryview(self._line)[: self._size])
        if text is None:
            self.refused += 1
            return
        self.sentences += 1
        fields = text.split(",")
        read = _READ.get(fields[0][2:])
        if read is None or fields[0][0] == "P":  # P: of a maker's own
            return
        try:
            told = self._take(read, fields)
        except (ValueError, IndexError):  # a right checksum over a wrong sentence
            self.refused += 1
            return
        fixes.extend(told)

    def _take(self, read: "Read", fields: "list[str]") -> "list[Fix]":
        """Put one sentence to those of its time of day."""
        day_ms = _day_ms(fields[1])
        if day_ms is None:
            return []
        told: "list[Fix]" = []
        fix = self._fix
        if fix is None or fix.day_ms != day_ms:
            if day_ms == self._told_ms:
                return []
            told = self._tell()
            fix = self._fix = Fix(day_ms)
            self._has, self._void = 0, False
        bit, is_valid = read(fix, fields)
        self._has |= bit
        self._void = self._void or not is_valid
        return told + self._tell() if self._has == _BOTH else told

    def _tell(self) -> "list[Fix]":
        """What is known of the present time of day, if it is a fix."""
        fix = self._fix
        if fix is None:
            return []
        self._fix, self._told_ms = None, fix.day_ms
        return [] if self._void or fix.lat_e7 is None else [fix]


_RMC, _GGA = 1, 2
_BOTH = _RMC | _GGA


def _rmc(fix: Fix, fields: "list[str]") -> "tuple[int, bool]":
    """Time, status, latitude, N/S, longitude, E/W, knots, course, date, ..., mode since 2.3."""
    if fields[2] != "A" or (len(fields) > 12 and fields[12] not in _MODES_MEASURED):
        return _RMC, False
    _place(fix, fields, 3)
    fix.date = _date(fields[9])
    return _RMC, True


def _gga(fix: Fix, fields: "list[str]") -> "tuple[int, bool]":
    """Time, latitude, N/S, longitude, E/W, quality, satellites, HDOP, ..."""
    if int(fields[6] or 0) not in _QUALITIES_MEASURED:
        return _GGA, False
    fix.satellites = _whole(fields[7]) if fields[7] else None
    fix.hdop_tenths = _decimal(fields[8], 1) if fields[8] else None
    _place(fix, fields, 2)  # last: of a sentence that is refused there is no place
    return _GGA, True


_READ = {"RMC": _rmc, "GGA": _gga}


def _checked(line: memoryview) -> "str | None":
    """The text between $ and *, if the checksum, the XOR of its bytes, is right."""
    if len(line) < 8 or line[-3] != _STAR:
        return None
    found = 0
    for byte in line[:-3]:
        found ^= byte
    try:
        asked = int(str(bytes(line[-2:]), "ascii"), 16)
    except ValueError:
        return None
    return str(bytes(line[:-3]), "ascii") if found == asked else None


def _place(fix: Fix, fields: "list[str]", at: int) -> None:
    """Latitude and longitude from four fields."""
    lat_e7 = _angle(fields[at], 2, fields[at + 1], "NS", 90)
    fix.lon_e7 = _angle(fields[at + 2], 3, fields[at + 3], "EW", 180)
    fix.lat_e7 = lat_e7


def _angle(text: str, digits: int, side: str, sides: str, limit: int) -> int:
    """Degrees and minutes, as 5213.4567, in 1e-7 degrees; ValueError."""
    if side == "" or side not in sides or len(text) < digits + 2:
        raise ValueError
    degrees = _whole(text[:digits])
    minutes_e7 = _decimal(text[digits:], 7)
    if minutes_e7 >= 600_000_000:
        raise ValueError
    value = degrees * 10_000_000 + (minutes_e7 + 30) // 60
    if value > limit * 10_000_000:
        raise ValueError
    return -value if side == sides[1] else value


def _decimal(text: str, places: int) -> int:
    """12.345 with 2 places: 1234, rounded down; ValueError for anything but digits and a dot."""
    whole, _, part = text.partition(".")
    return _whole(whole + part + "0" * places) // 10 ** len(part)


def _whole(text: str) -> int:
    if not text or text.strip("0123456789"):  # int() would take signs and underscores
        raise ValueError
    return int(text)


def _day_ms(text: str) -> "int | None":
    """hhmmss.sss; None while the receiver does not know the time."""
    if not text:
        return None
    of_minute_ms = _decimal(text[4:], 3)
    hours, minutes = _whole(text[:2]), _whole(text[2:4])
    if hours > 23 or minutes > 59 or of_minute_ms >= 61_000:  # a leap second has the number 60
        raise ValueError
    return (hours * 60 + minutes) * 60_000 + of_minute_ms


def _date(text: str) -> "tuple[int, int, int] | None":
    """ddmmyy, if it can be."""
    if len(text) != 6 or text.strip("0123456789"):
        return None
    day, month, year = int(text[:2]), int(text[2:4]), 2000 + int(text[4:])
    is_real = _FIRST_YEAR <= year <= _LAST_YEAR and 1 <= month <= 12 and 1 <= day <= 31
    return (year, month, day) if is_real else None


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Read = Callable[[Fix, list[str]], tuple[int, bool]]
