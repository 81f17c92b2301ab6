# SPDX-License-Identifier: Apache-2.0
# A table of states as text, which takes nothing of the heap. A line is
# "state event -> new state: what to do, in this order".

TYPE_CHECKING = False
if TYPE_CHECKING:
    Entry = tuple[str, tuple[str, ...]]

_TO = " -> "


class NoTransitionError(Exception):
    """This event has no meaning in this state: a mistake in the caller."""


def step(table: str, state: str, event: str) -> "Entry":
    """The new state and what to do, in order."""
    begin = "\n" + state + " " + event + _TO
    at = table.find(begin)
    if at < 0:
        raise NoTransitionError(state + " + " + event)
    return _entry(table[at + len(begin) : table.find("\n", at + 1)])


def transitions(table: str) -> "dict[tuple[str, str], Entry]":
    """The whole table, for whoever draws or checks it."""
    found = {}
    for line in table.strip().split("\n"):
        state, event = line[: line.find(_TO)].split(" ")
        found[state, event] = _entry(line[line.find(_TO) + len(_TO) :])
    return found


def _entry(text: str) -> "Entry":
    state, actions = text.split(":")
    return state, tuple(actions.split())
