# SPDX-License-Identifier: Apache-2.0
"""The SIM card as the modem sees it: one that fails at once, one that is mended or put in when the
modem starts again, since nothing detects it. Runs on CPython, in the supervisor."""

from __future__ import annotations

from typing import Final

READY: Final = "READY"  # TS 27.007 8.3; or it is locked, as "SIM PIN"
NO_CARD, UNREADABLE, STARTING = 10, 13, 14  # or there is an error, 9.2.1
_WORDS: Final = {NO_CARD: "SIM not inserted", UNREADABLE: "SIM failure", STARTING: "SIM busy"}


class Card:
    """What a card is: READY, another word of 8.3, or the number of an error."""

    def __init__(self) -> None:
        self._seen: str | int = NO_CARD
        self._errors = "0"  # AT+CMEE=1: have numbers, 2: words

    @property
    def is_ready(self) -> bool:
        return self._seen == READY

    def start(self, sim: str | int) -> None:
        """The modem looks at it."""
        self._seen = sim
        self._errors = "0"

    def change(self, sim: str | int) -> None:
        """While the modem runs."""
        if sim != READY or self._seen == STARTING:
            self._seen = sim

    def say(self) -> str:
        """To AT+CPIN?"""
        if isinstance(self._seen, str):
            return f"+CPIN: {self._seen}\nOK"
        if self._errors == "0":
            return "ERROR"
        return f"+CME ERROR: {self._seen if self._errors == '1' else _WORDS[self._seen]}"

    def tell_errors(self, command: str) -> str:
        """AT+CMEE=0, 1 or 2."""
        self._errors = command[-1]
        return "OK"
