# SPDX-License-Identifier: Apache-2.0
"""`opaska status`: whether the gateway is well, for a human at night and for monitoring."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import typer

from opaska_gateway import clock
from opaska_gateway.commands.office import (
    WRONG,
    ConfigOption,
    JsonOption,
    errors_told,
    keep_files_private,
)
from opaska_gateway.commands.output import show_rows

if TYPE_CHECKING:
    from opaska_gateway.health.line import Line
    from opaska_gateway.settings import StorageSettings

COLUMNS: Final = (
    ("PART", "part"),
    ("STATE", "state"),
    ("SINCE", "since_ms"),
    ("AGO", "ago"),
    ("WHAT TO DO", "what"),
)
UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def status(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Whether the gateway on these settings is well; exit code 1 if something needs a human."""
    from opaska_gateway.settings_file import load

    keep_files_private()
    with errors_told():
        settings = load(config)
    now_ms = clock.now_ms()
    lines = judged(settings.storage, now_ms)
    shown = [line._asdict() if as_json else _row(line, now_ms) for line in lines]
    show_rows(shown, COLUMNS, as_json=as_json)
    if any(line.todo for line in lines):
        raise typer.Exit(WRONG)


def judged(storage: StorageSettings, now_ms: int) -> list[Line]:
    """The verdict, then what needs a human, then the rest."""
    from opaska_gateway.health.line import Line
    from opaska_gateway.health.process import of_process
    from opaska_gateway.health.records import of_records
    from opaska_gateway.health.told import socket_of

    lines = [*of_process(socket_of(storage), now_ms), *asyncio.run(of_records(storage, now_ms))]
    lines.sort(key=lambda line: not line.todo)
    needy = ", ".join(line.part for line in lines if line.todo)
    return [Line("opaska", "needs a human" if needy else "well", None, needy), *lines]


def _row(line: Line, now_ms: int) -> dict[str, Any]:
    """For humans."""
    ago = "" if line.since_ms is None else in_words((now_ms - line.since_ms) // 1000)
    what = "; ".join(filter(None, (line.detail, line.todo)))
    return {**line._asdict(), "ago": ago, "what": what}


def in_words(ago_s: int) -> str:
    """In the largest unit of which there are three: 170 minutes say more than two hours."""
    length_s, unit = next((each for each in UNITS if ago_s >= 3 * each[0]), (1, "s"))
    return f"{ago_s // length_s} {unit}"
