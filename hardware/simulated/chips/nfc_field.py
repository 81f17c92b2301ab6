# SPDX-License-Identifier: Apache-2.0
"""The field of an NFC reader, and what is in it: cards of ISO 14443 type A, at the level of their
commands, each command and answer with the bytes that it takes in the air. A card can be torn away
at any of them. Runs on CPython, in the supervisor."""

from __future__ import annotations

import math

_SHORT_FRAMES = 3  # bytes: REQA and its answer
_LEVEL = 19  # of one cascade level: anticollision 2 + 5, selection 9 + 3
_LEVELS = {4: 1, 7: 2, 10: 3}  # by the bytes of a card's number
_RATS = 4
_AROUND = 3  # of a command or an answer: CRC, and the block's number or the like


class Card:
    """A kind of card answers in its own way. `ats` is what it says to RATS; without it the card
    is not smart (ISO 14443-4)."""

    sens_res = 0x0044
    ats = b""

    def __init__(self, uid: bytes) -> None:
        if len(uid) not in _LEVELS:
            raise ValueError("a card's number has 4, 7 or 10 bytes")
        self.uid = uid

    @property
    def sel_res(self) -> int:
        """What it says when it is selected: bit 5 for ISO 14443-4."""
        return 0x20 if self.ats else 0x00

    def begin(self) -> None:
        """The field was off: it forgets what it was doing."""

    def answer(self, command: bytes) -> bytes | None:
        """To a command while it is active; None: it stays silent."""
        del command
        return None


class Field:
    """Cards are held to it and taken away at any time, also while it is off."""

    def __init__(self) -> None:
        self.cards: list[Card] = []
        self.is_on = False
        self.times_on = 0
        self._asleep: list[Card] = []  # released: they are silent until the field was off
        self._left: dict[Card, float] = {}  # bytes until the card is torn away

    def hold(self, card: Card) -> None:
        """It comes near."""
        if card not in self.cards:
            self.cards.append(card)
            card.begin()
        self._left[card] = math.inf

    def take(self, card: Card | None = None, after_bytes: int | None = None) -> None:
        """It, or all that are there, are gone: at once, or when so many more bytes were sent."""
        for gone in [card] if card else self.cards.copy():
            self._left[gone] = after_bytes or 0
            if not after_bytes:
                self._lose(gone)

    def switch(self, on: bool) -> None:
        """A card that loses the field forgets."""
        if on and not self.is_on:
            self.times_on += 1
        if not on:
            self._asleep.clear()
            for card in self.cards:
                card.begin()
        self.is_on = on

    def activate(self, most: int) -> list[Card]:
        """Those that could be selected."""
        self.switch(on=True)
        awake = [card for card in self.cards if card not in self._asleep]
        return [card for card in awake[:most] if self._carries(card, _activation(card))]

    def ask(self, card: Card, command: bytes) -> bytes | None:
        """Its answer; None: it is gone, or silent."""
        if card not in self.cards or not self._carries(card, len(command) + _AROUND):
            return None
        answer = card.answer(command)
        if answer is None or not self._carries(card, len(answer) + _AROUND):
            return None
        return answer

    def release(self, card: Card) -> None:
        """It sleeps until the field was off."""
        self._asleep.append(card)

    def _carries(self, card: Card, count: int) -> bool:
        """Whether the card is still there when so many bytes were sent."""
        self._left[card] -= count
        if self._left[card] < 0:
            self._lose(card)
            return False
        return True

    def _lose(self, card: Card) -> None:
        if card in self.cards:
            self.cards.remove(card)


def _activation(card: Card) -> int:
    smart = _RATS + len(card.ats) + 2 if card.ats else 0
    return _SHORT_FRAMES + _LEVEL * _LEVELS[len(card.uid)] + smart
