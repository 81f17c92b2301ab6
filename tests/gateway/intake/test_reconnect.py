# SPDX-License-Identifier: Apache-2.0
"""Pauses grow to a bound, begin anew after a steady connection, and do not knock in step."""

from __future__ import annotations

from opaska_gateway.intake.reconnect import FIRST_S, JITTER, LAST_S, STEADY_S, Backoff


def test_pauses_grow_to_a_bound_and_never_end() -> None:
    backoff = Backoff()
    pauses = [backoff.pause_s(0.0) for _ in range(50)]
    assert pauses[0] <= FIRST_S * (1 + JITTER)
    assert all(pause <= LAST_S * (1 + JITTER) for pause in pauses)
    assert all(pause >= LAST_S * (1 - JITTER) for pause in pauses[10:])
    assert len(set(pauses[10:])) > 10


def test_a_steady_connection_begins_anew_and_a_flapping_one_does_not() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.pause_s(0.0)
    assert backoff.pause_s(STEADY_S / 2) > FIRST_S * (1 + JITTER)
    assert backoff.pause_s(STEADY_S) <= FIRST_S * (1 + JITTER)
