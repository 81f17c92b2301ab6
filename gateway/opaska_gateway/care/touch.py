# SPDX-License-Identifier: Apache-2.0
"""What a carer's card is worth when it is held to a band: does the touch count, and why not.

Each reading of a card counts once. Seen readings are remembered one by one, not as the highest:
what an offline band delivers days later has an older counter, and is as good as ever.

Whether a card was revoked is asked of the time of the touch, so it is no verdict: that time may
be told better later.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from opaska_gateway.care.sdm import CardKeys, counter_of

# kinds of cards, stored as they are written here
NTAG424: Final = "ntag424"  # proves each reading
TAG: Final = "tag"  # any other: has a UID, which everybody can copy

# verdicts, stored as they are written here
VERIFIED: Final = "verified"
PLAIN: Final = "plain"  # a known card that cannot prove anything
UNKNOWN: Final = "unknown_card"
UNCHECKED: Final = "unchecked"  # our own keys of this card cannot be read
NO_PROOF: Final = "no_proof"  # a copied UID: this card would have proved it
WRONG_PROOF: Final = "wrong_proof"
REPLAYED: Final = "replayed"  # this reading has counted before

VERDICTS: Final = (VERIFIED, PLAIN, UNKNOWN, UNCHECKED, NO_PROOF, WRONG_PROOF, REPLAYED)
COUNTING: Final = frozenset((VERIFIED, PLAIN, UNKNOWN, UNCHECKED))
WELCOME: Final = frozenset((VERIFIED, PLAIN))  # is told what was planned
REVOKED: Final = "revoked"  # instead of a verdict that counts
FLOOD: Final = "flood"  # instead of one that counts unproved: a stolen band makes them up

MOST_UNPROVED: Final = 100  # touches at one band in a day; a busy one has twenty
DAY_MS: Final = 86_400_000


class Card(NamedTuple):
    """A registered card."""

    id: bytes
    carer_id: bytes
    kind: str
    keys: CardKeys | None  # None: it has none, or they cannot be read
    revoked_ms: int | None


class Judged(NamedTuple):
    """A touch, before it is asked whether its reading was seen."""

    verdict: str
    counter: int | None = None


def judge(card: Card | None, uid: bytes, proof: bytes | None) -> Judged:
    """What its card and its proof say."""
    if card is None:
        return Judged(UNKNOWN)
    if card.kind != NTAG424:
        return Judged(PLAIN)
    if proof is None:
        return Judged(NO_PROOF)
    if card.keys is None:
        return Judged(UNCHECKED)
    counter = counter_of(proof, uid, card.keys)
    return Judged(WRONG_PROOF) if counter is None else Judged(VERIFIED, counter)


class Floods:
    """Which bands say on which days more of cards than can be."""

    def __init__(self) -> None:
        self._unproved: Counter[tuple[bytes, int]] = Counter()

    def count(self, device_id: bytes, verdict: str, at_ms: int) -> None:
        """All touches first."""
        if verdict != VERIFIED:
            self._unproved[device_id, at_ms // DAY_MS] += 1

    def standing(self, device_id: bytes, verdict: str, at_ms: int) -> str:
        """The verdict; what a card has proved counts in a flood, too."""
        is_flood = self._unproved[device_id, at_ms // DAY_MS] > MOST_UNPROVED
        return FLOOD if is_flood and verdict in COUNTING and verdict != VERIFIED else verdict


def standing(verdict: str, at_ms: int, revoked_ms: int | None) -> str:
    """The verdict, or that the card had been revoked by then."""
    too_late = revoked_ms is not None and at_ms >= revoked_ms
    return REVOKED if too_late and verdict in COUNTING else verdict
