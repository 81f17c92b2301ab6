# SPDX-License-Identifier: Apache-2.0
"""Why the gateway refuses a frame: a closed set, so that refusals can be counted by reason.

A refused frame is kept (up to a cap) and counted, never answered: nothing disappears, and nobody
without a key learns anything.
"""

from __future__ import annotations

from typing import Final

from opaska_protocol import reasons

OWN_REASONS: Final = {
    "wrong_topic": "the frame names another band than the topic it came on",
    "unknown_band": "no such band is registered; register it with `opaska bands add`",
    "revoked": "the band was revoked",
    "unknown_generation": "the gateway has no key of this generation of the band; rekey it with "
    "`opaska bands rekey`, and provision it",
    "unusable_key": "the band's row was damaged: the key file does not open its key; put back the "
    "database from your copy, or give the band a new key with `opaska bands rekey`",
    "expired_key": "the key's time ran out",
    "flood": "the band has sent more in a day than any band can: it is broken, or stolen; look "
    "for it, or revoke it with `opaska bands revoke`",
    "id_clash": "another frame with the same message id is stored; the band or a copy misbehaves",
    "not_storable": "the gateway failed to store it; its log says why",
}
REASONS: Final = {**reasons.REASONS, **OWN_REASONS}

UNKNOWN_BANDS: Final = bytes(8)  # stands for all unknown bands together in caps and counts


class Refused(Exception):
    """A frame that goes no further; `reason` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
