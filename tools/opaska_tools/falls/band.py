# SPDX-License-Identifier: Apache-2.0
"""The detector that the band carries, by the words of the command line."""

from __future__ import annotations

from typing import Any

from opaska_band.senses import fall, fall_parameters
from opaska_band.senses.fall import FallSense

__all__ = ["PROFILES", "FallSense", "parameters", "profile_number"]

PROFILES = {"careful": fall.CAREFUL, "standard": fall.STANDARD, "keen": fall.KEEN}


def profile_number(name: str) -> int:
    """The band's number of a profile."""
    return int(PROFILES[name])


def parameters() -> dict[str, Any]:
    """Which parameters the detector carries."""
    return {"version": fall_parameters.VERSION, "made_from": fall_parameters.MADE_FROM}
