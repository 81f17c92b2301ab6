# SPDX-License-Identifier: Apache-2.0
"""What the numbers of services mean: each organisation calls them as it likes, and may give a
number to another service; what was done before keeps the name it had then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

NUMBERS: Final = range(1, 100)
POLISH, ENGLISH, UKRAINIAN = "pl", "en", "uk"  # ISO 639-1
LANGUAGES: Final = (POLISH, ENGLISH, UKRAINIAN)


@dataclass(frozen=True, slots=True)
class Name:
    """What a number is called since then."""

    organisation_id: bytes
    service: int
    words: dict[str, str]  # by language, Polish in any case; {} = there is none any more
    said_ms: int

    def in_language(self, language: str) -> str:
        """In Polish when nobody has translated it."""
        return self.words.get(language) or self.words.get(POLISH, "")


class Catalogue:
    """The names of all organisations."""

    def __init__(self, names: Iterable[Name]) -> None:
        """The oldest first."""
        self._names: dict[tuple[bytes, int], list[Name]] = {}
        for name in names:
            self._names.setdefault((name.organisation_id, name.service), []).append(name)

    def name(self, organisation_id: bytes, service: int, at_ms: int, language: str) -> str:
        """What it was called then; before its first name it was called so, too. "" = a number."""
        names = self._names.get((organisation_id, service))
        if not names:
            return ""
        then = [name for name in names if name.said_ms <= at_ms]
        return (then[-1] if then else names[0]).in_language(language)

    def now(self, organisation_id: bytes | None = None) -> list[Name]:
        """Those in use, of one organisation or all."""
        return [
            names[-1]
            for (owner, _), names in sorted(self._names.items())
            if names[-1].words and organisation_id in (None, owner)
        ]
