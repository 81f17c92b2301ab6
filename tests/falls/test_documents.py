# SPDX-License-Identifier: Apache-2.0
"""docs/falls.md, its curve and the shipped parameters are of one run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from opaska_band.senses import fall_parameters
from opaska_tools.falls.curve import CURVE, draw

if TYPE_CHECKING:
    from pathlib import Path


def test_the_picture_shows_the_data(tmp_path: Path) -> None:
    drawn = draw(CURVE, tmp_path / "curve.svg").read_text()
    assert drawn == CURVE.with_suffix(".svg").read_text(), "stale: opaska falls draw"


def test_data_parameters_and_card_are_of_one_run() -> None:
    report = json.loads(CURVE.read_text())
    lines = tuple(profile["line"] for profile in report["profiles"].values())
    assert lines == fall_parameters.LINES
    assert f"index {report['index']}, seed {report['seed']}" == fall_parameters.MADE_FROM
    card = (CURVE.parent / "falls.md").read_text()
    assert fall_parameters.VERSION in card
    assert fall_parameters.MADE_FROM in card
