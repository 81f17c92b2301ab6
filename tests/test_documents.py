# SPDX-License-Identifier: Apache-2.0
"""Documents that are made from the code are as the code is."""

from opaska_tools import diagrams


def test_state_diagrams_show_the_tables_that_run() -> None:
    assert diagrams.PAGE.read_text(encoding="utf-8") == diagrams.page(), (
        "stale: python -m opaska_tools.diagrams"
    )
