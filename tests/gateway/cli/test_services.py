# SPDX-License-Identifier: Apache-2.0
"""Services by hand: names in three languages, shown where numbers stood."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.gateway.cli.test_commands import add_person

if TYPE_CHECKING:
    from tests.gateway.cli.conftest import Run

UID = "04de5f1eacc040"


def test_a_service_is_named_renamed_retired_and_shown(run: Run) -> None:
    person = add_person(run)
    names = ("--pl", "Zakupy", "--en", "Shopping", "--uk", "Покупки")
    assert run("services", "add", "3", *names).stdout == "service 3 is Zakupy\n"
    plan = ("visits", "plan", person, "--at", "2099-12-24 09:00", "--minutes", "45")
    assert "has no name" in run(*plan, "--service", "4").stderr
    run(*plan, "--service", "3")
    assert "\t3 Zakupy\t" in run("visits", "planned").stdout
    assert "\t3 Покупки\t" in run("visits", "planned", "--language", "uk").stdout
    (line,) = json.loads(run("visits", "planned", "--language", "en", "--json").stdout)
    assert (line["service"], line["service_name"]) == (3, "Shopping")
    carer = run("carers", "add", "--name", "Anna").stdout.strip()
    run("cards", "add", carer, UID, "--service", "3")
    assert "\t3 Zakupy\t" in run("cards", "list").stdout
    renamed = run("services", "rename", "3", "--pl", "Pranie", "--why", "new contract")
    assert renamed.stdout == "service 3 is Pranie from now on\n"
    assert run("services", "list").stdout.startswith("3\tPranie\t\t\t")
    assert run("services", "retire", "3", "--why", "new contract").exit_code == 0
    assert json.loads(run("services", "list", "--json").stdout) == []
    assert run("visits", "planned", "--language", "de").exit_code == 2
