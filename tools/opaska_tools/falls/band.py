# SPDX-License-Identifier: Apache-2.0
"""The band's own detector, from the firmware folder of this checkout."""

from __future__ import annotations

import sys
from typing import Any

from opaska_tools.firmware_build import ROOT

sys.path.append(str(ROOT / "firmware"))  # the band's code is not installed: it runs on the band

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
