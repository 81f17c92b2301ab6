# SPDX-License-Identifier: Apache-2.0
"""The energy budget: what it adds up, what it refuses, and that the band of today keeps it."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from opaska_tools.cli import app
from opaska_tools.power import budget
from opaska_tools.power.lived import Lived, Times
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

DESIGNS = ("awake", "today", "edrx", "lost")
PROFILES = ("quiet", "standard", "active")


def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(budget.KEPT.read_text())
    return found


def lived() -> Lived:
    """The committed one."""
    simulated = kept()["simulated"]
    return Lived(**{name: Times(**times) for name, times in simulated.items()})


def test_every_current_names_its_source_and_how_sure_it_is() -> None:
    for draw in budget.table()["draw"]:
        assert draw["source"], draw
        assert draw["sure"] in ("data sheet", "measured", "guess"), draw
        assert draw["ma"] > 0, draw


def test_committed_days_are_those_of_the_committed_times_and_currents() -> None:
    assert budget.Budget(budget.table(), lived()).days() == kept()["days"]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("design", DESIGNS)
def test_a_day_has_24_hours_whatever_the_parts_do_in_it(design: str, profile: str) -> None:
    table = budget.table()
    for draw in table["draw"]:
        draw["ma"] = 1.0 if draw["part"] in ("processor", "modem") else 0.0
    items = budget.Budget(table, lived()).items(design, profile)
    for part in ("processor", "modem"):
        hours = sum(mah for name, mah in items.items() if name.startswith(part))
        assert hours == pytest.approx(24)


@pytest.mark.parametrize("design", DESIGNS)
def test_more_of_anything_never_lasts_longer(design: str) -> None:
    before = budget.Budget(budget.table(), lived()).days()[design]["standard"]
    for name in ("alarms", "pulses", "motion_wakes_per_hour"):
        table = budget.table()
        table["profile"]["standard"][name] *= 3
        assert budget.Budget(table, lived()).days()[design]["standard"] <= before
    busier = copy.deepcopy(lived())
    busier.hour.sleeps *= 3
    busier.hour.asleep_s -= 600
    left = budget.Budget(budget.table(), busier).days()[design]["standard"]
    assert left < before or design in ("awake", "lost")


def test_contacts_that_were_counted_are_those_that_a_day_reckons_with() -> None:
    found = budget.Budget(budget.table(), lived())
    reckoned = found.contacts_per_hour({"heartbeat_s": 1200, "pulses": 24})
    assert lived().hour.contacts == pytest.approx(reckoned, abs=1)


def test_processor_and_modem_really_sleep_at_rest() -> None:
    hour = lived().hour
    assert hour.asleep_s > 0.99 * hour.seconds
    assert hour.modem_awake_s < 0.02 * hour.seconds
    assert hour.sleeps < 500


def test_without_a_network_the_processor_sleeps_as_well_and_the_modem_is_asked_seldom() -> None:
    lost = lived().lost
    assert lost.asleep_s > 0.98 * lost.seconds
    assert lost.modem_awake_s < 0.05 * lost.seconds
    assert lost.contacts == 0


def test_more_than_five_percent_of_the_days_lost_is_told_and_less_is_not() -> None:
    before = {"today": {"quiet": 10.0, "active": 5.0}, "sleep": {"quiet": 7.0}}
    now = {"today": {"quiet": 9.51, "active": 4.74}, "sleep": {"quiet": 70.0}}
    assert budget.dearer(before, now) == ["today, active: 5.0 days before, 4.74 now"]
    assert budget.dearer(before, {}), "what is gone is lost"


@requires_program("micropython")
def test_band_of_today_keeps_its_budget_and_a_dearer_one_is_refused(tmp_path: Path) -> None:
    demanding = kept()
    for days in demanding["days"].values():
        days["standard"] *= 1.2
    file = tmp_path / "demanding.json"
    file.write_text(json.dumps(demanding))
    done = CliRunner().invoke(app, ["power", "budget", "--json", "--check", "--kept", str(file)])
    found = json.loads(done.stdout)
    assert budget.dearer(kept()["days"], found["days"]) == [], "run opaska power budget"
    assert done.exit_code == 1
    assert "today, standard" in done.stderr
    assert "quiet" not in done.stderr


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    done = CliRunner().invoke(app, ["power", "budget", "--profile", "lazy"])
    assert done.exit_code == 2
    assert "quiet, standard, active" in done.stderr
