# SPDX-License-Identifier: Apache-2.0
"""What the journeys share: chance that can be repeated, and children that start quickly."""

import os
import random
from collections.abc import Generator

import pytest

from tests.support.nursery import nursery


@pytest.fixture(scope="session", autouse=True)
def quick_children() -> Generator[None]:
    with nursery():
        yield


@pytest.fixture
def chance() -> random.Random:
    """Random numbers; OPASKA_SEED=<the number a failed test printed> repeats them."""
    seed = int(os.environ.get("OPASKA_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"OPASKA_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    return random.Random(seed)
