# SPDX-License-Identifier: Apache-2.0
"""How much one band may have stored in a day. A stolen one must fill no disk, nor grow a past so
long that looking into it holds up the reports of others.

Beyond that its telemetry is refused as `flood`; what is urgent is taken at its usual pace, for
ever, but goes through the slow lane no more.
"""

from __future__ import annotations

from typing import Final

from opaska_gateway import clock
from opaska_gateway.bucket import Bucket

A_DAY: Final = 20_000.0  # a beat, a place and a pulse every minute, and as much again: 10,000


class Allowance:
    """By kid, of bands that have proved themselves: as many as are registered."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def spend(self, kid_hex: str) -> None:
        """A new report of this band was stored."""
        now_s = clock.monotonic_s()
        bucket = self._buckets.get(kid_hex)
        if bucket is None:
            bucket = self._buckets[kid_hex] = Bucket(A_DAY, A_DAY / 86_400, now_s)
        bucket.take(now_s)

    def is_spent(self, kid_hex: str) -> bool:
        """Whether the band has sent more than any band can."""
        bucket = self._buckets.get(kid_hex)
        return bucket is not None and bucket.tokens(clock.monotonic_s()) < 1.0
