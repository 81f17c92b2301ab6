# SPDX-License-Identifier: Apache-2.0
"""opaska.cddl, read by a tool that we did not write, says what the code does."""

from typing import Any

import cbor2
import pytest
from cddl_verifier import Validator  # type: ignore[import-untyped]
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opaska_protocol import answers, body, cbor, reports
from opaska_protocol.errors import BodyError
from opaska_tools.vectors import parse_notation
from tests.protocol import wire
from tests.protocol.wire import Vector

GRAMMAR = Validator(wire.PROTOCOL / "opaska.cddl")
RECEIVED = {"reports": "any-report", "answers": "any-answer", "orders": "any-order"}
SENT = {"reports": "report", "answers": "answer", "orders": "order"}


def fits(text: str, rule: str) -> bool:
    """Return whether the values fit, however they are encoded."""
    return bool(GRAMMAR.validate(bytes.fromhex(text), rule))


def fits_exactly(text: str, rule: str) -> bool:
    """Return whether the values fit and the encoding is the deterministic one."""
    return bool(GRAMMAR.validate(bytes.fromhex(text), rule, require_deterministic=True))


def check_refusal(text: str, rule: str, seen_by: str) -> None:
    """Check that the grammar refuses what it can see, and only that."""
    if seen_by == "grammar":
        assert not fits(text, rule)
    elif seen_by == "encoding":
        assert not fits_exactly(text, rule)
    else:
        assert seen_by in ("limit", "seal", "body")
        assert fits_exactly(text, rule)


@wire.parameters("cbor")
def test_items_inside_our_subset_and_no_others_fit(name: str, group: str, vector: Vector) -> None:
    if group == "accepted":
        assert fits_exactly(vector["hex"], "item")
    else:
        check_refusal(vector["hex"], "item", vector["seen_by"])


@wire.parameters(*RECEIVED)
def test_bodies_that_we_take_and_no_others_fit(name: str, group: str, vector: Vector) -> None:
    if group == "refused":
        check_refusal(vector["body"], RECEIVED[name], vector["seen_by"])
    else:  # the arguments of an order are looked at when it is carried out
        assert fits_exactly(vector["body"], RECEIVED[name])


@wire.parameters(*SENT)
def test_bodies_without_fault_and_no_others_may_be_sent(
    name: str, group: str, vector: Vector
) -> None:
    sendable = group == "accepted" and not vector.get("problems")
    sendable |= vector.get("seen_by") == "rule"  # which a grammar cannot say
    if sendable and name == "answers":
        sendable = parse_notation(vector["value"])[1] <= answers.CLOSED  # of a newer gateway
    assert fits_exactly(vector["body"], SENT[name]) == sendable


@wire.parameters("frames")
def test_well_formed_frames_and_no_others_fit(name: str, group: str, vector: Vector) -> None:
    rule = f"{vector['way']}-frame"
    if group == "refused":
        check_refusal(vector["frame"], rule, vector["seen_by"])
        return
    assert fits_exactly(vector["frame"], rule)
    assert fits_exactly(vector["aad"], f"{vector['way']}-aad")
    assert fits_exactly(vector["body"], "report" if vector["way"] == "up" else _down(vector))


def _down(vector: Vector) -> str:
    return "order" if vector["value"].startswith("{0: 16,") else "answer"


def test_what_the_tag_protects_fits() -> None:
    aad = next(wire.vectors("frames", group="accepted"))[2]["aad"]
    head = "8368" + b"Encrypt0".hex() + "43a1010a58" + f"{len(aad) // 2:02x}"
    assert fits_exactly(head + aad, "enc-structure")
    assert not fits_exactly(head + aad[:-2] + "00ff", "enc-structure")


# --- every table of fields in the code against the grammar, with random values ---

ANY_VALUE = st.one_of(
    st.integers(-300, 300),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.booleans(),
    st.text(max_size=40),
    st.binary(max_size=8),
    st.lists(st.integers(-2, 1 << 33), max_size=6),
    st.lists(st.lists(st.integers(-1, 1 << 33), min_size=2, max_size=4), max_size=6),
)
INT62 = st.integers(-(1 << 62) + 1, (1 << 62) - 1)
ROW = st.lists(st.integers(0, 0xFFFFFFFF), min_size=3, max_size=3)


def _good(check: int, limit: int) -> st.SearchStrategy[Any]:
    return {
        body.UINT: st.integers(0, limit),
        body.INT: st.integers(-limit, limit),
        body.TEXT: st.text(max_size=limit).filter(lambda text: len(text.encode()) <= limit),
        body.FLAG: st.booleans(),
        body.INTS: st.lists(INT62, min_size=limit, max_size=limit),
        body.ROWS: st.lists(ROW, max_size=limit),
        body.BYTES: st.binary(max_size=limit),
        body.UINTS: st.lists(st.integers(0, 0xFFFFFFFF), max_size=limit),
    }[check]


@pytest.mark.parametrize("type_", [one for one in range(256) if reports._table(one)])
@settings(max_examples=150)
@given(data=st.data())
def test_table_of_fields_and_grammar_agree(type_: int, data: st.DataObject) -> None:
    fields: dict[str, Any] = {}
    for _, name, check, limit, _required in body.rows(reports._table(type_)):
        if data.draw(st.integers(0, 9)):
            strategy = _good(check, limit) if data.draw(st.integers(0, 19)) else ANY_VALUE
            fields[name] = data.draw(strategy)
    try:
        encoded = reports.encode_report(type_, fields)
    except BodyError:
        table = body.rows(reports._table(type_))
        keys = {key: fields[name] for key, name, *_ in table if name in fields}
        encoded = cbor2.dumps({0: type_, **keys}, canonical=True)
        assume(len(encoded) <= cbor.MAX_SIZE)
        assert not fits(encoded.hex(), "report")
        assert reports.decode_report(encoded).problems
    else:
        assert fits_exactly(encoded.hex(), "report")
        report = reports.decode_report(encoded)
        assert (report.fields, report.problems, report.unknown) == (fields, [], {})
    assert fits(encoded.hex(), "any-report")
