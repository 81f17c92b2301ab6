# SPDX-License-Identifier: Apache-2.0
# What the finger does on the SOS button: contact edges -> pressed, held, three presses, released.
# Times in ms.
#
# An SOS is raised at the end of the hold while the button is still down, or at the third short
# press within five seconds (a hand that trembles cannot hold). A worn contact that chatters must
# neither raise nor suppress one, so a press is certain once it lasts DEBOUNCE_MS without a real
# release, and a release is real once the contact stayed open for RELEASE_MS.

DEBOUNCE_MS = 20  # small tactile switches bounce for 5 to 10 ms; no finger is faster than 20
RELEASE_MS = 30  # a tremor of 12 Hz, the fastest, still opens the contact for 40 ms
TAPS = 3
TAPS_WITHIN_MS = 5_000

# What was noticed.
PRESSED = "pressed"  # for certain; the hold is running
RELEASED = "released"  # before the hold was over: nothing is raised
HELD = "held"  # SOS: the hold is over and the button still down
THREE_PRESSES = "three_presses"  # SOS: the third of three short presses

# Where the button is.
_UP = 0
_TOUCHED = 1  # contact made, perhaps only a bounce
_DOWN = 2  # pressed for certain, hold running
_DONE = 3  # this press has raised its SOS; it raises no second one


class Press:
    """Feed it every edge and poll it at `next_ms`; both return what was noticed, in order."""

    def __init__(self, hold_ms: int) -> None:
        self.hold_ms = hold_ms
        self._state = _UP
        self._closed = False  # the contact as last seen
        self._closed_since_ms = 0  # when it took this value
        self._touched_ms = 0  # first contact of this press
        self._taps_ms: "list[int]" = []  # certain presses, newest last

    def taken_up(self, now_ms: int) -> None:
        """The button was down at power-up and has already raised its SOS."""
        self._closed = True
        self._closed_since_ms = self._touched_ms = now_ms
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
        return noticed

    def poll(self, now_ms: int) -> "list[str]":
        """What time alone has decided by `now_ms`."""
        noticed: "list[str]" = []
        if not self._closed:
            if self._state != _UP and now_ms - self._closed_since_ms >= RELEASE_MS:
                if self._state == _DOWN:
                    noticed.append(RELEASED)
                self._state = _UP
            return noticed
        down_ms = now_ms - self._touched_ms
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
        wait_ms = DEBOUNCE_MS if self._state == _TOUCHED else self.hold_ms
        return max(self._touched_ms + wait_ms, self._closed_since_ms)

    def _is_last_tap(self) -> bool:
        self._taps_ms.append(self._touched_ms)
        while self._touched_ms - self._taps_ms[0] > TAPS_WITHIN_MS:
            self._taps_ms.pop(0)
        return len(self._taps_ms) >= TAPS

    def _raise(self, trigger: str, noticed: "list[str]") -> None:
        self._state = _DONE
        self._taps_ms.clear()
        noticed.append(trigger)
