# SPDX-License-Identifier: Apache-2.0
"""What every test shares: the `effort` option, and no silent skips."""

from collections.abc import Generator

import pytest

from tests.support.requirements import refuse_skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that makes long tests longer."""
    parser.addoption(
        "--effort",
        type=int,
        default=1,
        help="how many times as long the fuzz and soak tests run (make fuzz, make soak: 10)",
    )


@pytest.fixture(scope="session")
def effort(request: pytest.FixtureRequest) -> int:
    """Multiply the number of frames, cuts or kills by this: 1 in `make test`."""
    return int(request.config.getoption("--effort") or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start files with a test of minutes first: none is left to run alone at the end."""
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long)


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
