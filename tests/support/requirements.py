# SPDX-License-Identifier: Apache-2.0
"""Programs that tests need: without one a test skips aloud; OPASKA_REQUIRE_ALL=1 makes it fail."""

import os
import shutil
import sys
from pathlib import Path

import pytest

# program -> how to get it
HOW_TO_GET = {
    "micropython": "make setup (wheels exist for Linux x86_64 and macOS arm64)",
    "mosquitto": "apt-get install mosquitto",
    "mosquitto_passwd": "apt-get install mosquitto",
    "mosquitto_pub": "apt-get install mosquitto-clients",
    "mosquitto_sub": "apt-get install mosquitto-clients",
    "mpremote": "make setup",
    "initdb": "apt-get install postgresql",
    "postgres": "apt-get install postgresql",
}
# The environment's own programs first; daemons live in sbin, and PostgreSQL in a folder of each of
# its versions, which are not on every user's PATH.
SEARCH_PATH = os.pathsep.join(
    [
        str(Path(sys.executable).parent),
        os.environ.get("PATH", ""),
        "/usr/sbin",
        "/usr/local/sbin",
        *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True),
    ]
)
REQUIRE_ALL = os.environ.get("OPASKA_REQUIRE_ALL") == "1"


def find_program(name: str) -> str | None:
    """Return the path of `name`, or None."""
    return shutil.which(name, path=SEARCH_PATH)


def program(name: str) -> str:
    """Return the path of `name`; skip the test that asks when it is not installed."""
    path = find_program(name)
    if path is None:
        pytest.skip(_reason(name))
    return path


def requires_program(name: str) -> pytest.MarkDecorator:
    """Mark a test, class or module (`pytestmark`) that needs `name`."""
    return pytest.mark.skipif(find_program(name) is None, reason=_reason(name))


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure when everything is required. An expected failure is no skip."""
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"OPASKA_REQUIRE_ALL=1 allows no skip. {_words(report.longrepr)}"


def _reason(name: str) -> str:
    return f"needs {name}: {HOW_TO_GET[name]}"


def _words(longrepr: object) -> str:
    """A skip's longrepr is (file, line, reason)."""
    return ":".join(map(str, longrepr)) if isinstance(longrepr, tuple) else str(longrepr)
