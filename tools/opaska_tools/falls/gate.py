# SPDX-License-Identifier: Apache-2.0
"""No step back: new parameters must find every labelled fall that the present ones find."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from opaska_tools.falls.band import PROFILES, FallSense
from opaska_tools.falls.parameters import FILE
from opaska_tools.falls.recordings import BadFolder, read_index
from opaska_tools.falls.stream import alarms, held

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.falls.recordings import Recording

_NEEDED: Final = {
    "VERSION": str,
    "LINES": tuple,
    "HOPELESS": int,
    "SHIFTS": tuple,
    "SCALE": int,
    "TREES": bytes,
    "CONVOLUTION": bytes,
}


@dataclass
class Comparison:
    """Of two parameter sets over labelled recordings, in every profile."""

    falls: int = 0
    lost: list[str] = field(default_factory=list[str])  # found by the old alone
    gained: list[str] = field(default_factory=list[str])
    false_before: int = 0  # recordings of no fall that alarm
    false_after: int = 0

    def lines(self) -> list[str]:
        """For people."""
        return [
            *(f"lost: {one}" for one in self.lost),
            *(f"found now: {one}" for one in self.gained),
            f"{self.falls} labelled falls in {len(PROFILES)} profiles: {len(self.lost)} lost, "
            f"{len(self.gained)} found that were not; "
            f"false alarms {self.false_before} before, {self.false_after} now",
        ]


def compare(new_file: Path, labelled: Path, old_file: Path = FILE) -> Comparison:
    """Stream every labelled recording through both. BadFolder for files that cannot be read."""
    old, new = load(old_file), load(new_file)
    compared = Comparison()
    for recording in read_index(labelled):
        compared.falls += recording.is_fall
        for name, profile in PROFILES.items():
            before, after = (_alarms(recording, profile, one) for one in (old, new))
            if not recording.is_fall:
                compared.false_before += before
                compared.false_after += after
            elif before != after:
                (compared.lost if before else compared.gained).append(
                    f"{recording.name}, profile {name}"
                )
    return compared


def load(file: Path) -> Any:
    """The parameters that `opaska falls train` wrote into this file; nothing in it is run."""
    try:
        program = ast.parse(file.read_bytes())
        found = {
            target.id: ast.literal_eval(assigned.value)
            for assigned in program.body
            if isinstance(assigned, ast.Assign)
            for target in assigned.targets
            if isinstance(target, ast.Name)
        }
    except (OSError, SyntaxError, ValueError) as error:
        raise BadFolder(f"{file}: cannot be read as parameters ({error})") from None
    wrong = [name for name, kind in _NEEDED.items() if not isinstance(found.get(name), kind)]
    if wrong:
        raise BadFolder(
            f"{file}: no {', '.join(wrong)}; name a file that `opaska falls train` wrote"
        )
    return SimpleNamespace(**found)


def _alarms(recording: Recording, profile: int, learned: Any) -> bool:
    sense = FallSense(recording.rate_hz, profile, learned)
    samples = held(recording, recording.read(), recording.rate_hz)
    return any(True for _ in alarms(recording, samples, sense))
