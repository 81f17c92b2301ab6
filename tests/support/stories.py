# SPDX-License-Identifier: Apache-2.0
"""Stories of a state machine: what happens, the new state, what is to be done, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Step = tuple[str, str, tuple[str, ...]]  # event, new state, effects


def check_story(
    step: Callable[[str, str], tuple[str, tuple[str, ...]]], state: str, story: Iterable[Step]
) -> None:
    """The machine tells this story, beginning in this state."""
    for event, new, effects in story:
        assert step(state, event) == (new, effects)
        state = new


def told(state: str, stories: Iterable[tuple[str, Sequence[Step]]]) -> set[tuple[str, str]]:
    """Every (state, event) that these stories, beginning in this state, come past."""
    found: set[tuple[str, str]] = set()
    for _, story in stories:
        states = [state, *(new for _, new, _ in story)]
        found |= {(then, event) for then, (event, _, _) in zip(states, story, strict=False)}
    return found
