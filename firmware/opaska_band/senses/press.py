# SPDX-License-Identifier: Apache-2.0
# What the finger does on the SOS button: contact edges -> pressed, held, three presses, released.
# Times in ms.
#
# An SOS is raised at the end of the hold while the button is still down, or at the third short
# press within five seconds (a hand that trembles cannot hold). A worn contact that chatters must
# neither raise nor suppress one, so a press is certain once it lasts DEBOUNCE_MS without a real
# release, and a release is real once the contact stayed open for RELEASE_MS.
#
# In the countdown of a fall presses mean something else: how long one lasts is told, and what that
# says is for decisions/fall.py. A press stays what it was when it began.

DEBOUNCE_MS = 20  # small tactile switches bounce for 5 to 10 ms; no finger is faster than 20
RELEASE_MS = 30  # a tremor of 12 Hz, the fastest, still opens the contact for 40 ms
TAPS = 3
TAPS_WITHIN_MS = 5_000
LONG_MS = 5_000  # in a countdown: no press for help lasts so long
TOO_LONG_MS = 10_000  # nobody holds so long on purpose: somebody lies on it

# What was noticed.
PRESSED = "pressed"  # for certain; the hold is running
RELEASED = "released"  # before the hold was over: nothing is raised
HELD = "held"  # SOS: the hold is over and the button still down
THREE_PRESSES = "three_presses"  # SOS: the third of three short presses
# In a countdown:
DOWN = "down"  # pressed for certain
SHORT = "short"  # let go before LONG_MS
LONG = "long"  # still down after LONG_MS
LET_GO = "let_go"  # after that
TOO_LONG = "too_long"  # still down after TOO_LONG_MS

# Where the button is.
_UP = 0
_TOUCHED = 1  # contact made, perhaps only a bounce
_DOWN = 2  # pressed for certain, hold running
_DONE = 3  # this press has raised its SOS; it raises no second one
_HELD_LONG = 4  # in a countdown: down for LONG_MS

_LET_GO = {_DOWN: RELEASED, _HELD_LONG: LET_GO}


class Press:
    """Feed it every edge and poll it at `next_ms`; both return what was noticed, in order."""

    def __init__(self, hold_ms: int) -> None:
        self.hold_ms = hold_ms
        self._state = _UP
        self._counting = False  # a countdown is running
        self._counts = False  # and this press, or the last one, began in one
        self._closed = False  # the contact as last seen
        self._closed_since_ms = 0  # when it took this value
        self._touched_ms = 0  # first contact of this press
        self._taps_ms: "list[int]" = []  # certain presses, newest last

    def taken_up(self, now_ms: int) -> None:
        """The button was down at power-up and has already raised its SOS."""
        self._closed = True
        self._closed_since_ms = self._touched_ms = now_ms
        self._state = _DONE

    def count(self, on: bool) -> None:
        """A countdown begins or ends; a press that belongs to it says nothing after its end."""
        self._counting = on
        if not on and self._counts:
            self._counts = False
            if self._state in (_DOWN, _HELD_LONG):
                self._state = _DONE

    def is_down(self) -> bool:
        """Whether a press has begun and not yet ended for certain."""
        return self._state != _UP

    def edge(self, closed: bool, now_ms: int) -> "list[str]":
        """The contact closed or opened at `now_ms`; the same value again is no edge."""
        noticed = self.poll(now_ms)
        if closed != self._closed:
            self._closed = closed
            self._closed_since_ms = now_ms
            if closed and self._state == _UP:
                self._state = _TOUCHED
                self._touched_ms = now_ms
                self._counts = self._counting
        return noticed

    def poll(self, now_ms: int) -> "list[str]":
        """What time alone has decided by `now_ms`."""
        noticed: "list[str]" = []
        if not self._closed:
            if self._state != _UP and now_ms - self._closed_since_ms >= RELEASE_MS:
                if self._state in _LET_GO:
                    is_short = self._counts and self._state == _DOWN
                    noticed.append(SHORT if is_short else _LET_GO[self._state])
                self._state = _UP
            return noticed
        down_ms = now_ms - self._touched_ms
        if self._counts:
            self._count_on(down_ms, noticed)
            return noticed
        if self._state == _TOUCHED and down_ms >= DEBOUNCE_MS:
            self._state = _DOWN
            noticed.append(PRESSED)
            if self._is_last_tap():
                self._raise(THREE_PRESSES, noticed)
        if self._state == _DOWN and down_ms >= self.hold_ms:
            self._raise(HELD, noticed)
        return noticed

    def next_ms(self) -> "int | None":
        """When to poll next, or None while only an edge can change anything."""
        if self._state == _UP or (self._closed and self._state == _DONE):
            return None
        if not self._closed:
            return self._closed_since_ms + RELEASE_MS
        hold_ms = LONG_MS if self._counts else self.hold_ms
        wait_ms = {_TOUCHED: DEBOUNCE_MS, _HELD_LONG: TOO_LONG_MS}.get(self._state, hold_ms)
        return max(self._touched_ms + wait_ms, self._closed_since_ms)

    def _count_on(self, down_ms: int, noticed: "list[str]") -> None:
        """How long a press of a countdown lasts."""
        if self._state == _TOUCHED and down_ms >= DEBOUNCE_MS:
            self._state = _DOWN
            noticed.append(DOWN)
        if self._state == _DOWN and down_ms >= LONG_MS:
            self._state = _HELD_LONG
            noticed.append(LONG)
        if self._state == _HELD_LONG and down_ms >= TOO_LONG_MS:
            self._state = _DONE
            noticed.append(TOO_LONG)

    def _is_last_tap(self) -> bool:
        self._taps_ms.append(self._touched_ms)
        while self._touched_ms - self._taps_ms[0] > TAPS_WITHIN_MS:
            self._taps_ms.pop(0)
        return len(self._taps_ms) >= TAPS

    def _raise(self, trigger: str, noticed: "list[str]") -> None:
        self._state = _DONE
        self._taps_ms.clear()
        noticed.append(trigger)
