# SPDX-License-Identifier: Apache-2.0
"""Three lanes into the pipeline: urgent, telemetry, and a slow one for bands that are too noisy.

A token bucket per band and topic decides. What goes to the slow lane is given back to its way in
at once (a PUBACK promises nothing): it must not hold places that other bands need. It is handled
when there is room, and dropped when the lane is full, or the band's allowance is spent: the band
sends it again until it is stored.
"""

from __future__ import annotations

from collections import Counter, deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from opaska_gateway import clock
from opaska_gateway.allowance import Allowance
from opaska_gateway.bucket import Bucket

if TYPE_CHECKING:
    from opaska_gateway.intake.arrival import Arrival

MAX_BATCH: Final = 200  # about 20 ms of work: what an SOS waits for at most, once
SLOW_SHARE: Final = 10  # places in a full batch that the slow lane has: slow, but it moves
SLOW_PER_BAND: Final = 500  # more than a band's flash holds
SLOW_LANE: Final = 5_000  # about 3 MB

# Burst: an outbox after an hour without coverage; rate: 100 times a band's usual one.
TELEMETRY_BURST, TELEMETRY_PER_S = 100.0, 10.0
# Burst: both buttons, falls and their repeats of a bad minute; an alarm is resent every 2 s or so.
URGENT_BURST, URGENT_PER_S = 30.0, 2.0
MAX_BUCKETS: Final = 20_000  # full ones are forgotten first


class Lanes:
    """Arrivals that wait for a batch."""

    def __init__(self, allowance: Allowance | None = None) -> None:
        self._allowance = allowance or Allowance()
        self._urgent: deque[Arrival] = deque()
        self._telemetry: deque[Arrival] = deque()
        self._slow: deque[Arrival] = deque()
        self._slow_of: Counter[str] = Counter()
        self._buckets: dict[tuple[str, bool], Bucket] = {}
        self.dropped = 0  # from the slow lane, since the start

    def __len__(self) -> int:
        return len(self._urgent) + len(self._telemetry) + len(self._slow)

    def put(self, arrival: Arrival) -> None:
        """Let an arrival queue in its lane."""
        if self._bucket(arrival).take(clock.monotonic_s()):
            (self._urgent if arrival.urgent else self._telemetry).append(arrival)
            return
        arrival.done()
        is_full = self._slow_of[arrival.kid_hex] >= SLOW_PER_BAND or len(self._slow) >= SLOW_LANE
        if is_full or self._allowance.is_spent(arrival.kid_hex):
            self.dropped += 1
            return
        arrival.done = _done_before  # a second PUBACK could free another message of that number
        self._slow_of[arrival.kid_hex] += 1
        self._slow.append(arrival)

    def take(self) -> list[Arrival]:
        """The next batch: urgent ones, then telemetry; slow ones where there is room."""
        batch = _pop(self._urgent, MAX_BATCH)
        batch += _pop(self._telemetry, MAX_BATCH - len(batch))
        slow = _pop(self._slow, max(MAX_BATCH - len(batch), SLOW_SHARE))
        for arrival in slow:
            self._slow_of[arrival.kid_hex] -= 1
            if not self._slow_of[arrival.kid_hex]:
                del self._slow_of[arrival.kid_hex]
        return batch + slow

    def _bucket(self, arrival: Arrival) -> Bucket:
        key = (arrival.kid_hex, arrival.urgent)
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._forget()
            burst, per_s = (
                (URGENT_BURST, URGENT_PER_S)
                if arrival.urgent
                else (TELEMETRY_BURST, TELEMETRY_PER_S)
            )
            bucket = self._buckets[key] = Bucket(burst, per_s, clock.monotonic_s())
        return bucket

    def _forget(self) -> None:
        """Drop buckets that are full again; if that makes no room, the oldest tenth."""
        now_s = clock.monotonic_s()
        for key in [key for key, bucket in self._buckets.items() if bucket.is_full(now_s)]:
            del self._buckets[key]
        if len(self._buckets) >= MAX_BUCKETS:
            for key in list(islice(self._buckets, MAX_BUCKETS // 10)):
                del self._buckets[key]


def _pop(lane: deque[Arrival], at_most: int) -> list[Arrival]:
    return [lane.popleft() for _ in range(min(at_most, len(lane)))]


def _done_before() -> None:
    """Its way in was told when it came to the slow lane."""
