# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of tests/on_micropython/links_*.py, each in a MicroPython of its own: in
virtual time, and those with real sockets in real time."""

from pathlib import Path

import pytest

from tests.band_keep import on_micropython


@pytest.mark.parametrize(("script", "name"), on_micropython.tests_in("links_*.py"))
def test_links(script: str, name: str, tmp_path: Path) -> None:
    assert on_micropython.passes(script, name, tmp_path)


@pytest.mark.parametrize(("script", "name"), on_micropython.tests_in("sockets_*.py"))
def test_sockets(script: str, name: str, tmp_path: Path) -> None:
    assert on_micropython.passes(script, name, tmp_path, on_micropython.REAL_TIME)
