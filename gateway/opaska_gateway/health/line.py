# SPDX-License-Identifier: Apache-2.0
"""A line of `opaska status`: one part, how it is, since when, and what to do if it is not well."""

from __future__ import annotations

from typing import Final, NamedTuple

AHEAD_MS: Final = 60_000  # of our clock: a little is the time that reading takes


class Line(NamedTuple):
    """One part."""

    part: str
    state: str | int  # a word, or how many
    since_ms: int | None = None
    detail: str = ""
    todo: str = ""  # "": nothing


def is_old(since_ms: int, limit_ms: int, now_ms: int) -> bool:
    """Whether it lasts too long. A time that lies ahead is too long ago: the clock was set back
    since, and nobody knows by how much."""
    return not -AHEAD_MS <= now_ms - since_ms < limit_ms
