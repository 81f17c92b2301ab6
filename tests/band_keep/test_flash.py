# SPDX-License-Identifier: Apache-2.0
"""Runs every test of tests/on_micropython/flash_keep.py, each in a MicroPython of its own."""

import pytest

from tests.band_keep import on_micropython


@pytest.mark.parametrize(("script", "name"), on_micropython.tests_in("flash_keep.py"))
def test_flash(script: str, name: str) -> None:
    # the flash itself lies in the heap here, 256 KiB for each band of a test
    assert on_micropython.last_line(on_micropython.start(script, name, heap="4M")) == "passed"
