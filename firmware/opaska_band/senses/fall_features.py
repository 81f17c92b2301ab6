# SPDX-License-Identifier: Apache-2.0
# What six seconds around an impact look like: 134 whole numbers, the same whichever way the band
# sits on the arm. Lengths in mg, times in ticks of 1/25 s, cosines and shares in thousandths.
#
# Only whole numbers below 2**30: a float has another size on the band than on a desk.

from array import array

TICK_HZ = 25  # the arm moves below 10 Hz, and half of the known watches sample at 20 to 34 Hz
BEFORE = 50  # ticks of the window before the impact
AFTER = 100  # and from it on; with the newest, the moment of the decision
LENGTH = BEFORE + AFTER
COUNT = 134  # numbers written by `measure`

_EDGES = b"\x00\x19\x26\x2e\x36\x3e\x4b\x64\x7d\x96"  # 9 parts of the window, narrow at the impact
_PARTS = 9
_STUCK_TICKS = 50  # two seconds without one changed bit: a dead sensor, unless it shows 1 g
_STUCK_MG = 250
# Between which parts the arm's turn is measured, as pairs.
_TURNS = b"\0\1\0\5\0\6\0\7\0\10\1\2\1\4\1\5\1\6\1\7\1\10\2\4\2\5\4\5\5\6\6\7\7\10\6\10"


def root(square: int) -> int:
    """The whole part of the square root, exactly."""
    if square <= 0:
        return 0
    guess = (1000 + square // 1000) >> 1  # most are near 1 g
    while True:
        better = (guess + square // guess) >> 1
        if better >= guess:
            return guess
        guess = better


class Window:
    """LENGTH ticks of acceleration around an impact, and what is computed from each of them."""

    __slots__ = ("jerk", "numbers", "size", "vector", "x", "y", "z")

    def __init__(self) -> None:
        self.x = array("h", bytes(2 * LENGTH))
        self.y = array("h", bytes(2 * LENGTH))
        self.z = array("h", bytes(2 * LENGTH))
        self.size = array("H", bytes(2 * LENGTH))  # of the acceleration
        self.jerk = array("H", bytes(2 * LENGTH))  # size of its change since the tick before
        self.vector = array("h", bytes(2 * 3 * _PARTS))  # mean acceleration of each part
        self.numbers = array("h", bytes(2 * COUNT))  # what `measure` found


def is_stuck(window: Window) -> bool:
    """Whether the sensor shows one value that no arm at rest would."""
    x, y, z = window.x[-1], window.y[-1], window.z[-1]
    if abs(root(x * x + y * y + z * z) - 1000) <= _STUCK_MG:
        return False
    for i in range(LENGTH - _STUCK_TICKS, LENGTH):
        if window.x[i] != x or window.y[i] != y or window.z[i] != z:
            return False
    return True


def measure(window: Window, peak_mg: int) -> None:
    """Fill `window.numbers`; `peak_mg` is the impact at the sensor's own rate."""
    sizes(window)
    at = 0
    for part in range(_PARTS):
        at = _part(window, part, at)
    at = _turns(window, at)
    at = _put(window, at, peak_mg)
    at = _crossings(window, at)
    at = _fall_and_blow(window, at)
    at = _other_blows(window, at, peak_mg)
    at = _stillness(window, at)
    at = _turning(window, at)
    at = _rhythm(window, at, 0, BEFORE - 5)
    at = _rhythm(window, at, BEFORE + 5, LENGTH)
    _drop(window, at)


def sizes(window: Window) -> None:
    """Fill `size` and `jerk` from the three axes."""
    xs, ys, zs, size, jerk = window.x, window.y, window.z, window.size, window.jerk
    before_x, before_y, before_z = xs[0], ys[0], zs[0]
    for i in range(LENGTH):
        x, y, z = xs[i], ys[i], zs[i]
        size[i] = root(x * x + y * y + z * z)
        before_x -= x
        before_y -= y
        before_z -= z
        jerk[i] = root(before_x * before_x + before_y * before_y + before_z * before_z)
        before_x, before_y, before_z = x, y, z
    jerk[0] = jerk[1]


def _put(window: Window, at: int, value: int) -> int:
    """Write one number, cut to 16 bits; return the place of the next."""
    window.numbers[at] = -32767 if value < -32767 else 32767 if value > 32767 else value
    return at + 1


def _part(window: Window, part: int, at: int) -> int:
    """One part: mean, unrest, least and greatest size, mean and greatest jerk, vector, spread."""
    size, jerk = window.size, window.jerk
    start, end = _EDGES[part], _EDGES[part + 1]
    n = end - start
    total = shake = worst = greatest = 0
    least = 65535
    for i in range(start, end):
        g, j = size[i], jerk[i]
        total += g
        shake += j
        if g < least:
            least = g
        if g > greatest:
            greatest = g
        if j > worst:
            worst = j
    mean = total // n
    at = _put(window, at, mean)
    at = _put(window, at, _unrest(size, start, end, mean))
    at = _put(window, at, least)
    at = _put(window, at, greatest)
    at = _put(window, at, shake // n)
    at = _put(window, at, worst)
    return _vector(window, part, start, end, at)


def _unrest(size: "array[int]", start: int, end: int, mean: int) -> int:
    total = 0
    for i in range(start, end):
        total += abs(size[i] - mean)
    return total // (end - start)


def _vector(window: Window, part: int, start: int, end: int, at: int) -> int:
    """The part's mean acceleration as a vector: its size, and how far the ticks lie from it."""
    xs, ys, zs = window.x, window.y, window.z
    n = end - start
    x = y = z = 0
    for i in range(start, end):
        x += xs[i]
        y += ys[i]
        z += zs[i]
    x //= n
    y //= n
    z //= n
    window.vector[3 * part] = x
    window.vector[3 * part + 1] = y
    window.vector[3 * part + 2] = z
    at = _put(window, at, root(x * x + y * y + z * z))
    spread = 0
    for i in range(start, end):
        dx, dy, dz = xs[i] - x, ys[i] - y, zs[i] - z
        spread += root(dx * dx + dy * dy + dz * dz)
    return _put(window, at, spread // n)


def _cosine(ax: int, ay: int, az: int, bx: int, by: int, bz: int) -> int:
    a = root(ax * ax + ay * ay + az * az)
    b = root(bx * bx + by * by + bz * bz)
    if a == 0 or b == 0:
        return 1000
    return (ax * bx + ay * by + az * bz) // b * 1000 // a


def _turns(window: Window, at: int) -> int:
    vector = window.vector
    for i in range(0, len(_TURNS), 2):
        a, b = 3 * _TURNS[i], 3 * _TURNS[i + 1]
        at = _put(
            window,
            at,
            _cosine(
                vector[a], vector[a + 1], vector[a + 2], vector[b], vector[b + 1], vector[b + 2]
            ),
        )
    return at


def _crossings(window: Window, at: int) -> int:
    """How often the size falls below a line before, around and after the impact."""
    for line_mg in (1300, 1600, 2000, 2600):
        at = _put(window, at, _times(window.size, line_mg, 0, BEFORE - 12))
        at = _put(window, at, _times(window.size, line_mg, BEFORE - 12, BEFORE + 12))
        at = _put(window, at, _times(window.size, line_mg, BEFORE + 12, LENGTH - 1))
    return at


def _times(size: "array[int]", line_mg: int, start: int, end: int) -> int:
    times = 0
    above = size[start] >= line_mg
    for i in range(start + 1, end + 1):
        now = size[i] >= line_mg
        if above and not now:
            times += 1
        above = now
    return times


def _fall_and_blow(window: Window, at: int) -> int:
    """How light the arm was in the second before the impact, and how hard the impact pushed."""
    size = window.size
    for line_mg in (500, 700, 850):
        at = _put(window, at, _below(size, line_mg, BEFORE - 25, BEFORE + 2))
    light = when = push = 0
    least = 65535
    for i in range(BEFORE - 25, BEFORE + 2):
        g = size[i]
        light += max(0, 1000 - g)
        if g < least:
            least = g
            when = BEFORE - i
    for i in range(BEFORE - 6, BEFORE + 7):
        push += max(0, size[i] - 1000)
    half = (size[BEFORE] + 1000) // 2
    wide = 25 - _below(size, half + 1, BEFORE - 12, BEFORE + 13)
    for value in (light, push, least, when, wide):
        at = _put(window, at, value)
    return at


def _below(size: "array[int]", line_mg: int, start: int, end: int) -> int:
    ticks = 0
    for i in range(start, end):
        if size[i] < line_mg:
            ticks += 1
    return ticks


def _other_blows(window: Window, at: int, peak_mg: int) -> int:
    """The hardest blow half a second or more before the impact, and after it, in percent of it."""
    size = window.size
    before = after = 0
    for i in range(BEFORE - 12):
        if size[i] > before:
            before = size[i]
    for i in range(BEFORE + 13, LENGTH):
        if size[i] > after:
            after = size[i]
    at = _put(window, at, before * 100 // (peak_mg + 1))
    return _put(window, at, after * 100 // (peak_mg + 1))


def _stillness(window: Window, at: int) -> int:
    """After the impact: longest rest, ticks in motion, last of them; then the motion before it."""
    jerk = window.jerk
    for line_mg in (40, 100, 250):
        rest = longest = moving = last = 0
        for i in range(BEFORE, LENGTH):
            if jerk[i] >= line_mg:
                last = i - BEFORE
        for i in range(BEFORE + 6, LENGTH):
            if jerk[i] < line_mg:
                rest += 1
                if rest > longest:
                    longest = rest
            else:
                rest = 0
                moving += 1
        at = _put(window, at, longest)
        at = _put(window, at, moving)
        at = _put(window, at, last)
    for line_mg in (100, 250):
        moving = 0
        for i in range(1, BEFORE - 12):
            if jerk[i] >= line_mg:
                moving += 1
        at = _put(window, at, moving)
    return at


def _turning(window: Window, at: int) -> int:
    """How fast the arm turned around the impact and how much in all, there and afterwards."""
    sharpest, around = _path(window, BEFORE - 15, BEFORE + 25)
    at = _put(window, at, sharpest)
    at = _put(window, at, around)
    return _put(window, at, _path(window, BEFORE + 25, LENGTH - 9)[1])


def _path(window: Window, start: int, end: int) -> "tuple[int, int]":
    """Least cosine between neighbouring fifths of a second, and the sum of 1000 - cosine."""
    least = 1000
    total = 0
    ax, ay, az = _fifth(window, start)
    for i in range(start, end, 5):
        bx, by, bz = _fifth(window, i + 5)
        cosine = _cosine(ax, ay, az, bx, by, bz)
        total += 1000 - cosine
        if cosine < least:
            least = cosine
        ax, ay, az = bx, by, bz
    return least, total


def _fifth(window: Window, start: int) -> "tuple[int, int, int]":
    xs, ys, zs = window.x, window.y, window.z
    x = y = z = 0
    for i in range(start, start + 5):
        x += xs[i]
        y += ys[i]
        z += zs[i]
    return x // 5, y // 5, z // 5


def _rhythm(window: Window, at: int, start: int, end: int) -> int:
    """The strongest repetition of the size, in thousandths of its power, and its period."""
    size = window.size
    mean = 0
    for i in range(start, end):
        mean += size[i]
    mean //= end - start
    power = 0
    for i in range(start, end):
        power += ((size[i] - mean) >> 3) ** 2
    strongest = -1000
    period = 0
    for lag in range(6, 26, 2):
        alike = 0
        for i in range(start, end - lag):
            alike += ((size[i] - mean) >> 3) * ((size[i + lag] - mean) >> 3)
        share = alike // (power // 1000 + 1)
        if share > strongest:
            strongest = share
            period = lag
    return _put(window, _put(window, at, strongest), period)


def _drop(window: Window, at: int) -> int:
    """Speed gained along the earlier gravity, through the impact: in all, least and greatest."""
    xs, ys, zs, vector = window.x, window.y, window.z, window.vector
    x, y, z = vector[0], vector[1], vector[2]
    gravity = root(x * x + y * y + z * z)
    speed = least = greatest = 0
    if gravity:
        for i in range(BEFORE - 25, BEFORE + 7):
            speed += (xs[i] * x + ys[i] * y + zs[i] * z) // gravity - gravity
            if speed < least:
                least = speed
            if speed > greatest:
                greatest = speed
    for value in (speed, least, greatest):
        at = _put(window, at, value)
    return at
