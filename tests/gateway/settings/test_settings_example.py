# SPDX-License-Identifier: Apache-2.0
"""The example file shows every setting, is current, and can be used as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from opaska_gateway.settings import Settings
from opaska_gateway.settings_example import example
from opaska_gateway.settings_file import load, model_in

EXAMPLE = Path(__file__).parents[3] / "gateway" / "config.example.toml"


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        nested = model_in(field.annotation)
        if nested:
            yield from models(nested)


def test_the_example_in_the_repository_is_what_the_settings_say() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == example(), (
        "run: opaska config example > gateway/config.example.toml"
    )


def test_the_example_as_it_stands_means_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(example(), encoding="utf-8")
    (tmp_path / "empty.toml").touch()
    assert load(file) == load(tmp_path / "empty.toml")


def test_what_the_example_only_shows_can_be_used_too(tmp_path: Path) -> None:
    text = re.sub(r"^#: ", "", example(), flags=re.MULTILINE)
    text = re.sub(r"^(key|profiles_file|tls_ca_file) = .*$", "", text, flags=re.MULTILINE)
    (tmp_path / "receiver.key").write_text("00" * 16, encoding="ascii")
    file = tmp_path / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    assert len(load(file).centre.receiver) == 1


@pytest.mark.parametrize("model", list(models(Settings)), ids=lambda model: model.__name__)
def test_every_setting_has_a_sentence_and_every_number_a_unit(model: type[BaseModel]) -> None:
    assert model.__doc__
    assert model.model_config.get("extra") == "forbid"
    assert model.model_config.get("frozen") is True
    assert model.model_config.get("strict") is True
    for name, field in model.model_fields.items():
        if model_in(field.annotation):
            continue
        assert field.description, name
        assert field.description.endswith("."), name
        if field.annotation is float:
            assert re.search(r"_(ms|s|m|percent)$", name), name
        if field.is_required() or field.default is None:
            assert field.examples, name
