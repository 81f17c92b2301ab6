# SPDX-License-Identifier: Apache-2.0
"""How commands answer: a table for a human, tab-separated lines for a pipe, JSON on request."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import typer

Column = tuple[str, str]  # heading, key of the row


def show_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[Column], *, as_json: bool
) -> None:
    """Print rows; JSON keeps every key, the others show the named columns."""
    if as_json:
        show_json([dict(row) for row in rows])
    elif _is_terminal():
        _show_table(rows, columns)
    else:
        for row in rows:
            typer.echo("\t".join(_text(row.get(key)) for _, key in columns))


def show_json(value: Any) -> None:
    """Print one JSON value; ids as hex."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_text)
    typer.echo("".join(one if one.isprintable() or one == "\n" else _escaped(one) for one in text))


def show_facts(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing: a line per fact; what there are several of has a line each."""
    if as_json:
        show_json(dict(facts))
        return
    for name, value in facts.items():
        if not isinstance(value, list):
            typer.echo(f"{name}\t{_text(value, name)}")
            continue
        for item in cast("list[dict[str, Any]]", value):
            parts = (f"{key} {_text(part, key)}" for key, part in item.items() if part)
            typer.echo(f"{name}\t{', '.join(parts)}")


def time_text(ms: int | None) -> str:
    """UTC to the second, "" for never."""
    if ms is None:
        return ""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _escaped(letter: str) -> str:
    """A band's own words must not steer a terminal."""
    return json.dumps(letter)[1:-1]


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _text(value: Any, key: str = "") -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    if key.endswith("_ms") and isinstance(value, int):
        return time_text(value)
    if isinstance(value, list):
        return " ".join(map(_text, cast("list[str]", value)))
    return "".join(one if one.isprintable() else " " for one in str(value))  # one line, one cell


def _show_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, _ in columns:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(_text(row.get(key), key) for _, key in columns))
    Console(markup=False, emoji=False).print(table if rows else "nothing yet")
