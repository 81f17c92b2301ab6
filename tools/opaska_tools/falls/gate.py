# SPDX-License-Identifier: Apache-2.0
"""No step back: new parameters must find every labelled fall that the present ones find."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opaska_tools.falls.band import PROFILES, FallSense
from opaska_tools.falls.parameters import FILE
from opaska_tools.falls.recordings import BadFolder, read_index
from opaska_tools.falls.stream import alarms, held

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.falls.recordings import Recording

_NEEDED = ("VERSION", "LINES", "HOPELESS", "SHIFTS", "SCALE", "TREES", "CONVOLUTION")


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
    """The parameters that `opaska falls train` wrote into this file."""
    spec = importlib.util.spec_from_file_location(f"parameters_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise BadFolder(f"{file}: no file of parameters; name one that `opaska falls train` wrote")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (OSError, SyntaxError, NameError, ValueError) as error:
        raise BadFolder(f"{file}: cannot be read as parameters ({error})") from None
    missing = [name for name in _NEEDED if not hasattr(module, name)]
    if missing:
        raise BadFolder(f"{file}: no {', '.join(missing)}; these are no parameters")
    return module


def _alarms(recording: Recording, profile: int, learned: Any) -> bool:
    sense = FallSense(recording.rate_hz, profile, learned)
    samples = held(recording, recording.read(), recording.rate_hz)
    return any(True for _ in alarms(recording, samples, sense))
