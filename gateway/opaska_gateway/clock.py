# SPDX-License-Identifier: Apache-2.0
"""The gateway's only clock: UTC in ms since 1970, and monotonic seconds. To sleep: asyncio.sleep.

Call it as `clock.now_ms()`, so that a run in virtual time can put its own source in place.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator


STEP_MS = 1_000  # of UTC against monotonic seconds: somebody has set the clock


class Source(Protocol):
    """Where time comes from."""

    def now_ms(self) -> int: ...
    def monotonic_s(self) -> float: ...


class SystemSource:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()


_source: Source = SystemSource()


def now_ms() -> int:
    """UTC, in milliseconds since 1970."""
    return _source.now_ms()


def monotonic_s() -> float:
    """Seconds that never jump; only differences mean something."""
    return _source.monotonic_s()


class SteadyClock:
    """Knows since when UTC has not been set: times from before cannot be compared with now."""

    def __init__(self) -> None:
        self._since_ms, self._offset_ms = now_ms(), _offset_ms()

    def since_ms(self) -> int:
        """Since then, or since the start, our UTC has run as seconds do."""
        offset_ms = _offset_ms()
        if abs(offset_ms - self._offset_ms) > STEP_MS:
            self._since_ms, self._offset_ms = now_ms(), offset_ms
        return self._since_ms


def _offset_ms() -> float:
    return now_ms() - monotonic_s() * 1000


@contextmanager
def driven_by(source: Source) -> Generator[None]:
    """Take time from another source, as a run in virtual time does."""
    global _source  # noqa: PLW0603 - one process, one clock
    previous, _source = _source, source
    try:
        yield
    finally:
        _source = previous
