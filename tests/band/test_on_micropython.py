# SPDX-License-Identifier: Apache-2.0
"""Runs every test of tests/on_micropython/band_*.py, each in a MicroPython of its own and in
virtual time."""

from pathlib import Path

import pytest

from tests.band_keep import on_micropython


@pytest.mark.parametrize(("script", "name"), on_micropython.tests_in("band_*.py"))
def test_on_micropython(script: str, name: str, tmp_path: Path) -> None:
    assert on_micropython.passes(script, name, tmp_path)
