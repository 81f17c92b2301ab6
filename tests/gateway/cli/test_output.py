# SPDX-License-Identifier: Apache-2.0
"""What a band says of itself reaches a terminal as text, however it is shown."""

from __future__ import annotations

import json

import pytest

from opaska_gateway.commands.output import show_facts, show_json, show_rows

STEERING = "Łódź \x1b[2J \x9b2J \u202e \u2028 \r"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_bands_own_words_do_not_steer_the_terminal(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    show_rows([{"detail": STEERING}], (("DETAIL", "detail"),), as_json=as_json)
    show_facts({"detail": STEERING}, as_json=as_json)
    told = capsys.readouterr().out
    assert "Łódź" in told
    assert all(letter.isprintable() or letter in "\n\t" for letter in told)


def test_json_says_what_it_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    show_json([{"detail": STEERING + "\U000e0001"}])
    assert json.loads(capsys.readouterr().out) == [{"detail": STEERING + "\U000e0001"}]
