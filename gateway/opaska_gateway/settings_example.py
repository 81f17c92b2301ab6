# SPDX-License-Identifier: Apache-2.0
"""Writes config.example.toml from Settings: every key, what it means, and its default."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from opaska_gateway.settings import Settings
from opaska_gateway.settings_file import model_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

WIDTH = 96
HEAD = """\
# Settings of the Opaska gateway: every key with its default, written by `opaska config example`.
# A line that starts with #: shows a key that has no default, or a table you may add.
"""


def example() -> str:
    """The whole example file."""
    return HEAD + "\n".join(_table(Settings, ())) + "\n"


def _table(model: type[BaseModel], path: tuple[str, ...], prefix: str = "") -> Iterator[str]:
    """The lines of one table: its own keys first, then the tables in it."""
    if path:
        opening = "[[{}]]" if prefix else "[{}]"
        yield ""
        yield f"# {model.__doc__}"
        yield prefix + opening.format(".".join(path))
    inner: list[tuple[str, FieldInfo, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        nested = model_in(field.annotation)
        if nested:
            inner.append((name, field, nested))
        else:
            yield from _key(name, field, prefix)
    for name, field, nested in inner:
        many = field.annotation != nested
        yield from _table(nested, (*path, name), "#: " if many else prefix)


def _key(name: str, field: FieldInfo, prefix: str) -> Iterator[str]:
    yield from textwrap.wrap(
        field.description or "", WIDTH, initial_indent="# ", subsequent_indent="# "
    )
    if field.is_required() or field.default is None:
        yield f"#: {name} = {_toml((field.examples or ['...'])[0])}"
    else:
        yield f"{prefix}{name} = {_toml(field.default)}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_toml, cast("list[Any]", value))) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
