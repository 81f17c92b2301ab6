# SPDX-License-Identifier: Apache-2.0
# What the wearer feels, hears and sees. One pattern at a time; what is true now replaces at once
# what was said before, and only passing remarks wait.
#
# A rhythm is drawn, one digit per tick: 0 is still, 1 to 9 the strength of the motor. Buzzer and
# LED follow it, so nothing is said by colour alone. The wearer learns two meanings: a rhythm of
# long, rising pulses is "working, wait", stronger as help comes nearer; a hard, even stutter that
# falls is "not sent". One single pulse every two seconds, longer and stronger each time, asks: a
# fall was felt, and help will be called unless the button is held.

import asyncio
from collections import namedtuple

from micropython import const

from .faults import Faults
from .guard import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

TICK_MS = 100  # the shortest pulse that is felt under a sleeve

_ALARM = const("alarm")
_VISIT = const("visit")

_FULL = const(65_535)  # duty_u16
_LED_DUTY = const(_FULL // 4)  # bright enough in a room, a quarter of the current
_BUZZER_DUTY = const(_FULL // 2)  # a piezo is loudest at half
_QUIET_EXTRA = const(2)  # digits that `quiet` adds to the motor in place of a tone

# One text, which stays in the flash; of each pattern:
# name
# rhythm     see above
# tone_hz    at most 2 kHz: older ears lose the high tones first; 0 = silent
# colour     of red, green, blue; rg is amber, rgb white
# again_ms   pause before it is said again, until something else is; 0 = said once
# manner     "alarm": of an alarm on its way; "aside": says nothing about one, and never hides it
#            or ends what stands; "visit": likewise, and it waits for whatever is running
PATTERNS = """
fault 10101 0 rg 0 aside
safe_mode 303030003030300 400 rgb 0 aside
hold 23456789 0 rgb 0 aside
working 4440 600 b 3000 alarm
not_sent 909090909000505050 300 r 30000 alarm
stored 66600666 800 b 0 alarm
accepted 777700777700777700 1000 g 0 alarm
taken 99999900999999009999990099999900 1200 g 0 alarm
closed 5000005 500 g 0 alarm
countdown 444 500 rg 0 aside
countdown_2 55555 700 rg 0 aside
countdown_3 7777777 900 r 0 aside
countdown_4 9999999999 1200 r 0 aside
confirmed 90990 500 rgb 0 aside
cancelled 765432 500 g 0 aside
put_on 3003 700 rgb 0 aside
visit_tick 4 1000 rgb 0 visit
visit_begun 44447777 900 g 0 visit
visit_ended 7700770077 700 g 0 visit
visit_reached 2002 600 b 0 visit
visit_expected 2002002 600 b 0 visit
not_read 202020202 300 rg 0 visit
"""

Pattern = namedtuple("Pattern", ("rhythm", "tone_hz", "colour", "again_ms", "manner"))


def pattern(name: str) -> Pattern:
    """What PATTERNS says; `colour` as bits red, green, blue. KeyError when it says nothing."""
    table = PATTERNS
    at = table.find("\n" + name + " ")
    if at < 0:
        raise KeyError(name)
    line = table[at + 1 : table.find("\n", at + 1)]
    _, rhythm, tone_hz, colours, again_ms, manner = line.split(" ")
    colour = 0
    for letter in colours:
        colour |= 1 << "rgb".find(letter)
    return Pattern(rhythm, int(tone_hz), colour, int(again_ms), manner)


class Signals:
    """Plays patterns on the board's motor, buzzer and LED (three PWM outputs)."""

    def __init__(self, board: "Any", faults: Faults) -> None:
        self.quiet = False
        self._note = board.note
        self._motor = board.motor
        self._buzzer = board.buzzer
        self._led = board.led
        self._faults = faults
        self._running = ""  # the pattern that is played now; "" = none, or a pause
        self._pattern: "Any" = None  # what it is
        self._standing = ""  # the pattern that is repeated until something else is said
        self._next = ""  # a passing remark that waits for the end of the running pattern
        self._task: "Any" = None
        self._output(0, 0, 0)

    def play(self, name: str) -> None:
        """Say this now; a passing remark waits for the end of what is being said."""
        new = pattern(name)
        if new.manner == _VISIT and self._running:
            self._next = self._next or name
            return
        if new.manner != _ALARM:
            if self._is_telling():
                self._next = name
                return
            if self._next and pattern(self._next).manner == _VISIT:
                self._next = ""
        else:
            self._next = ""
            self._standing = name if new.again_ms else ""
        self._start(name, TICK_MS)

    def hold(self, hold_ms: int) -> None:
        """The vibration that grows while the button is held; what stands goes on afterwards."""
        if not self._is_telling():
            self._start("hold", max(hold_ms // len(pattern("hold").rhythm), 1))

    def released(self) -> None:
        """The button was let go before the end of the hold."""
        if self._running == "hold":
            self._start("", TICK_MS)

    @property
    def is_playing(self) -> bool:
        """Whether motor, buzzer and light are at work, or will be within the same pattern."""
        return bool(self._running)

    def silence(self) -> None:
        """Nothing is to be said any more."""
        self._next = self._standing = ""
        self._start("", TICK_MS)

    def _is_telling(self) -> bool:
        """Whether something runs that is said only once and must be felt whole."""
        running = self._pattern
        return bool(self._running) and running.manner == _ALARM and not running.again_ms

    def _start(self, name: str, tick_ms: int) -> None:
        """The first tick within this call: an answer is felt without waiting for another task."""
        if self._task:
            self._task.cancel()
        self._begin(name)
        self._task = asyncio.create_task(self._play_on(tick_ms))

    def _begin(self, name: str) -> None:
        self._running = name
        if name:
            self._pattern = pattern(name)
            self._note(name)
            self._tick(0)

    async def _play_on(self, tick_ms: int) -> None:
        """The rest of the running pattern, then what waits, then again what stands."""
        while True:
            if self._running:
                for index in range(1, len(self._pattern.rhythm)):
                    await asyncio.sleep_ms(tick_ms)
                    self._tick(index)
                await asyncio.sleep_ms(tick_ms)
            self._running = ""
            self._output(0, 0, 0)
            tick_ms = TICK_MS
            if self._next:
                name, self._next = self._next, ""
            elif self._standing:
                await asyncio.sleep_ms(pattern(self._standing).again_ms)
                name = self._standing
            else:
                return
            self._begin(name)

    def _tick(self, index: int) -> None:
        pattern = self._pattern
        strength = int(pattern.rhythm[index])
        if not strength:
            self._output(0, 0, 0)
        elif self.quiet and pattern.tone_hz:
            self._output(min(strength + _QUIET_EXTRA, 9), 0, pattern.colour)
        else:
            self._output(strength, pattern.tone_hz, pattern.colour)

    def _output(self, strength: int, tone_hz: int, colour: int) -> None:
        if tone_hz:
            self._set(self._buzzer.freq, tone_hz)
        self._set(self._motor.duty_u16, strength * _FULL // 9)
        self._set(self._buzzer.duty_u16, _BUZZER_DUTY if tone_hz else 0)
        for bit, led in enumerate(self._led):
            self._set(led.duty_u16, _LED_DUTY if colour & 1 << bit else 0)

    def _set(self, setter: "Callable[[int], Any]", value: int) -> None:
        """A broken output must not silence the others, nor stop whoever has something to say."""
        try:
            setter(value)
        except Exception as error:
            failed("signals", error, self._faults)
