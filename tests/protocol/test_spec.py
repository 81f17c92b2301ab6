# SPDX-License-Identifier: Apache-2.0
"""SPEC.md says what the code does: fields, reasons, sizes and the worked example."""

import json
import re
from typing import Any

import pytest

from opaska_protocol import answers, body, frame, orders, reasons, reports, seal
from opaska_protocol.channel import BandChannel
from opaska_tools import vectors as generator
from tests.protocol import wire

SPEC = (wire.PROTOCOL / "SPEC.md").read_text()
MOST_AROUND_A_BODY = 49  # bytes of the longest header, the envelope and the tag


def section(number: int) -> str:
    """Return the text of a numbered section."""
    return SPEC.split(f"\n## {number} ")[1].split("\n## ")[0]


def rows(text: str) -> set[tuple[int, str, bool]]:
    """Return (key, name, required) of the field tables in a text."""
    found = re.findall(r"^\| (\d+) \| `(\w+)`(\*?) \|", text, re.MULTILINE)
    return {(int(key), name, star == "*") for key, name, star in found}


def stated(table: Any) -> set[tuple[int, str, bool]]:
    """Return the same of a table in the code."""
    return {(key, name, required) for key, name, _, _, required in body.rows(table)}


def own(type_: int) -> Any:
    """Return the table of a report without what all have."""
    return reports._table(type_)[len(reports._COMMON) :]


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("All types:", reports._COMMON),
        ("1 boot:", own(reports.BOOT)),
        ("2 heartbeat:", own(reports.HEARTBEAT)),
        ("3 alarm:", own(reports.ALARM)),
        ("4 fault:", own(reports.FAULT)),
        ("5 link_lost:", own(reports.LINK_LOST)),
        ("6 announced_fall:", own(reports.ANNOUNCED_FALL)),
        ("7 fall_cancelled:", own(reports.FALL_CANCELLED)),
        ("8 motion:", own(reports.MOTION)),
        ("9 position:", own(reports.POSITION)),
        ("10 vitals:", own(reports.VITALS)),
        ("11 wear:", own(reports.WEAR)),
        ("12 visit:", own(reports.VISIT)),
        ("13 zone:", own(reports.ZONE)),
        ("14 visit_test:", own(reports.VISIT_TEST)),
    ],
    ids=[
        "common",
        "boot",
        "heartbeat",
        "alarm",
        "fault",
        "link_lost",
        "announced",
        "cancelled",
        "motion",
        "position",
        "vitals",
        "wear",
        "visit",
        "zone",
        "visit_test",
    ],
)
def test_fields_of_reports_are_those_of_the_specification(heading: str, table: Any) -> None:
    text = section(5).split(f"\n{heading}\n")[1]
    first_table = re.split(r"\n\n(?!\|)", text)[0]
    assert rows(first_table) == stated(table)


def test_fields_of_answers_and_orders_are_those_of_the_specification() -> None:
    assert rows(section(6)) == stated(answers._TABLE)
    settings = {(key, name, False) for key, name, *_ in orders.settings_fields()}
    assert rows(section(7)) == stated(orders._TABLE) | settings
    for _, name, low, high, default in orders.settings_fields()[1:]:
        what = "bool" if isinstance(default, bool) else f"{low}..{high}"
        assert f"`{name}` | {what} | {json.dumps(default)} |" in section(7)


def test_every_reason_stands_in_the_specification_once() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", section(9), re.MULTILINE)
    assert sorted(listed) == sorted(reasons.REASONS)


def test_sizes_in_the_specification_are_measured() -> None:
    assert generator.sizes() in section(11), "run: python -m opaska_tools.vectors --sizes"


def test_sos_and_heartbeat_keep_within_their_sizes() -> None:
    assert len(wire.frame("SOS")) <= 80
    assert len(wire.frame("heartbeat, routine")) <= 96
    assert len(wire.frame("heartbeat with one open report")) <= 96


def test_what_stands_around_a_body_has_the_size_of_the_specification() -> None:
    most = 0xFFFFFFFF
    longest = BandChannel(bytes(8), 0xFFFF, bytes(16), most, bytes(8)).seal(most, bytes(79))
    assert len(longest) == 79 + MOST_AROUND_A_BODY == 128
    shortest = BandChannel(bytes(8), 1, bytes(16), 1, bytes(8)).seal(1, bytes(9))
    assert len(shortest) == 9 + 38
    assert frame.MAX_FRAME == 1024


def test_worked_example_is_the_vector() -> None:
    sos = next(v for _, _, v in wire.vectors("frames", group="accepted") if v["name"] == "SOS")
    example = section(4).split("### Example")[1].replace(" ", "")
    k_up = seal.derive_up_key(bytes.fromhex(sos["k_gen"]), bytes.fromhex(sos["salt"])).hex()
    header, envelope = sos["frame"][: len(sos["aad"])], sos["frame"][len(sos["aad"]) :]
    for part in (sos["k_gen"], k_up, sos["nonce"], sos["body"], header, envelope):
        assert part in example
    assert sos["value"].replace(" ", "") in example
