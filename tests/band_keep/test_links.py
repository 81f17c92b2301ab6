# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of tests/on_micropython/links_*.py, each in a MicroPython of its own."""

import pytest

from tests.band_keep import on_micropython


@pytest.mark.parametrize(("script", "name"), on_micropython.tests_in("links_*.py"))
def test_links(script: str, name: str) -> None:
    assert on_micropython.last_line(on_micropython.start(script, name, heap="4M")) == "passed"
