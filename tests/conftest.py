# SPDX-License-Identifier: Apache-2.0
"""What every test shares: the options `effort` and `stalls`, and no silent skips."""

from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tests.support import stalls
from tests.support.requirements import refuse_skip

# Properties are judged by what they find, not by how long a busy machine took.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that make long tests longer, and the machine unsteady."""
    parser.addoption(
        "--effort",
        type=int,
        default=1,
        help="how many times as long the fuzz and soak tests run (make fuzz, make soak: 10)",
    )
    parser.addoption(
        "--stalls",
        type=float,
        nargs="?",
        const=0.7,
        metavar="GAP_S",
        help="freeze each process of the tests about every GAP_S for up to 0.4 s (make stalls)",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Let the machine be unsteady: once, whoever runs the tests."""
    gap_s = session.config.getoption("--stalls")
    if gap_s is None or hasattr(session.config, "workerinput"):
        return (yield)
    with stalls.beside_us(gap_s):
        return (yield)


@pytest.fixture(scope="session")
def effort(request: pytest.FixtureRequest) -> int:
    """Multiply the number of frames, cuts or kills by this: 1 in `make test`."""
    return int(request.config.getoption("--effort") or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start tests of minutes first, then the journeys: none is left to run alone at the end."""
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: (item.path not in long, "journeys" not in item.path.parts))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed when OPASKA_REQUIRE_ALL=1."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Count a skipped file as failed when OPASKA_REQUIRE_ALL=1."""
    report = yield
    refuse_skip(report)
    return report
