# SPDX-License-Identifier: Apache-2.0
"""A token bucket: so many at once, and so many a second for ever."""

from __future__ import annotations


class Bucket:
    """Tokens of one band."""

    __slots__ = ("_at_s", "_burst", "_per_s", "_tokens")

    def __init__(self, burst: float, per_s: float, now_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._tokens = burst
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Whether there was a token."""
        self._tokens = self.tokens(now_s)
        self._at_s = now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def tokens(self, now_s: float) -> float:
        """How many there are."""
        return min(self._burst, self._tokens + max(now_s - self._at_s, 0.0) * self._per_s)

    def is_full(self, now_s: float) -> bool:
        """Whether forgetting it would change nothing."""
        return self.tokens(now_s) >= self._burst
