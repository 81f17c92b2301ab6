# SPDX-License-Identifier: Apache-2.0
"""What the journeys share: chance that can be repeated."""

import os
import random

import pytest


@pytest.fixture
def chance() -> random.Random:
    """Random numbers; OPASKA_SEED=<the number a failed test printed> repeats them."""
    seed = int(os.environ.get("OPASKA_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"OPASKA_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    return random.Random(seed)
