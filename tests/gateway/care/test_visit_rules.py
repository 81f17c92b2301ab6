# SPDX-License-Identifier: Apache-2.0
"""Which planned visit a touch begins, and what a visit shows about its band."""

from __future__ import annotations

import pytest

from opaska_gateway.care import touch, visit_test
from opaska_gateway.care.visit_plan import AROUND_MS, Plan, expected

ANNA, BEATA = b"anna", b"beata"


def plan(at_ms: int, carer: bytes | None = None) -> Plan:
    return Plan(b"%d" % at_ms, carer, 1, 45, at_ms)


def test_the_nearest_plan_for_this_carer_goes_before_those_for_anybody() -> None:
    plans = [plan(0), plan(1000, ANNA), plan(3000, ANNA), plan(10, BEATA)]
    assert expected(plans, ANNA, 10) == plans[1]
    assert expected(plans, ANNA, 2500) == plans[2]
    assert expected(plans, b"celina", 10) == plans[0]
    assert expected([], ANNA, 10) is None


def test_a_plan_of_another_hour_is_not_this_visit() -> None:
    assert expected([plan(0)], ANNA, AROUND_MS) is not None
    assert expected([plan(0)], ANNA, AROUND_MS + 1) is None


@pytest.mark.parametrize(
    ("trip_ms", "percent", "broken", "wrong"),
    [
        (900, 80, (), {}),
        (0, 21, (), {}),
        (None, 80, (), {"no_answer": "no answer within 60 s"}),
        (900, 20, (), {"battery": "20 %"}),
        (900, None, (15, 99), {"sensors": "gnss, code 99"}),
    ],
)
def test_a_test_shows_what_is_wrong_and_what_is_right(
    trip_ms: int | None, percent: int | None, broken: tuple[int, ...], wrong: dict[str, str]
) -> None:
    found = visit_test.of_test(trip_ms, percent, broken)
    assert {what: detail for what, detail in found.items() if detail} == wrong
    assert (percent is None) == ("battery" not in found), "nothing is known of it"
    assert set(found) <= set(visit_test.CARE)


def test_a_test_that_a_restart_cut_short_is_neither_passed_nor_a_fault_of_the_way() -> None:
    found = visit_test.of_test(None, 80, (), restarted=True)
    assert found == {"sensors": "", "battery": ""}
    assert visit_test.result([found]) == ""
    measured = visit_test.of_test(900, 80, (), restarted=True)
    assert measured["no_answer"] == ""


def test_a_touch_that_took_more_than_ten_minutes_for_sure_is_late() -> None:
    assert visit_test.of_touch(0, 500, 600_500) == {"late": ""}
    assert visit_test.of_touch(0, 500, 660_501) == {"late": "came 11 min later"}
    assert visit_test.of_touch(0, None, 1 << 40) == {}


def test_a_card_is_revoked_from_its_hour_on_and_a_refusal_stays_one() -> None:
    assert touch.standing(touch.VERIFIED, 99, 100) == touch.VERIFIED
    assert touch.standing(touch.VERIFIED, 100, 100) == touch.REVOKED
    assert touch.standing(touch.WRONG_PROOF, 100, 100) == touch.WRONG_PROOF
    assert touch.standing(touch.PLAIN, 100, None) == touch.PLAIN
