# SPDX-License-Identifier: Apache-2.0
"""What a carer's card is worth when it is held to a band: does the touch count, and why not.

Each reading of a card counts once. Seen readings are remembered one by one, not as the highest:
what an offline band delivers days later has an older counter, and is as good as ever.

Whether a card was revoked is asked of the time of the touch, so it is no verdict: that time may
be told better later.
"""

from __future__ import annotations

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
REMEMBERED: Final = frozenset((VERIFIED, UNCHECKED, UNKNOWN))  # whose readings count once
REVOKED: Final = "revoked"  # instead of a verdict that counts
FLOOD: Final = "flood"  # instead of one that counts unproved: a stolen band makes them up

MOST_UNPROVED: Final = 100  # touches at one band in a day (UTC); a busy one has twenty
DAY_MS: Final = 86_400_000

# marks of a touch that counts, for a human
OTHERS: Final = "other_organisation"  # the card is another organisation's than the wearer
AFTER: Final = "came_after_revoked"  # the card was revoked since; a stolen band may lie about when


class Card(NamedTuple):
    """A registered card."""

    id: bytes
    organisation_id: bytes
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


def standing(verdict: str, at_ms: int, revoked_ms: int | None) -> str:
    """The verdict, or that the card had been revoked by then."""
    too_late = revoked_ms is not None and at_ms >= revoked_ms
    return REVOKED if too_late and verdict in COUNTING else verdict


def is_replay(verdict: str, is_new: bool) -> bool:
    """Whether a reading counts no more. What nobody can check may say the same each time."""
    return not is_new and verdict != UNKNOWN


def marks(
    owner: bytes, card_owner: bytes | None, received_ms: int, revoked_ms: int | None
) -> tuple[str, ...]:
    """What a human should know of a touch that counts."""
    found = {
        OTHERS: card_owner not in (None, owner),
        AFTER: revoked_ms is not None and received_ms >= revoked_ms,
    }
    return tuple(mark for mark, is_so in found.items() if is_so)
