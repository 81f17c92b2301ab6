# SPDX-License-Identifier: Apache-2.0
"""Bytes that came in, by which way and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Arrival:
    """One frame as it arrived; `done` tells the way in that its outcome is decided."""

    __slots__ = ("done", "frame", "kid_hex", "received_ms", "urgent", "way")

    def __init__(
        self,
        kid_hex: str,
        frame: bytes,
        way: str,
        *,
        urgent: bool,
        received_ms: int,
        done: Callable[[], None],
    ) -> None:
        self.kid_hex = kid_hex  # as the topic says
        self.frame = frame
        self.way = way  # mqtt, ...
        self.urgent = urgent  # came on the urgent topic
        self.received_ms = received_ms
        self.done = done
