# SPDX-License-Identifier: Apache-2.0
"""`opaska demo`: live on a terminal, or one scripted SOS."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="One scripted SOS, without a terminal.")
    ] = False,
) -> None:
    """Watch a pressed button reach the monitoring centre, and the wrist feel the answer."""
    from opaska_tools.stage.orderly_end import end_as_by_ctrl_c

    end_as_by_ctrl_c()
    if once or not sys.stdin.isatty():
        from opaska_tools.demo.once import run
    else:
        from opaska_tools.demo.live import run
    raise typer.Exit(run())
