# SPDX-License-Identifier: Apache-2.0
"""Runs `opaska` beside a gateway, as its operator does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_tools.stage.child import Child
from opaska_tools.stage.gateway import OPASKA

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.gateway import Gateway

_ENDS_S = 30.0


async def opaska(gateway: Gateway, *words: str) -> str:
    """`opaska <words>` with this gateway's settings; what it printed."""
    program: list[str | Path] = [OPASKA, *words, "--config", gateway.config_file]
    async with Child(program) as child:
        code = await child.ended(_ENDS_S)
        await child.stop()
        assert code == 0, child.tail()
        return "\n".join(child.lines)
