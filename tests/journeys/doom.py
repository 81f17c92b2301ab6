# SPDX-License-Identifier: Apache-2.0
"""Has a gateway die at one place of its pipeline (doomed_gateway.py), and starts it again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World

_DOOMED = Path(__file__).with_name("doomed_gateway.py")
_DIES_S = 15.0
_DRAIN_S = 20.0
_RESEND_S = 0.5


class Gap(NamedTuple):
    """A place in the pipeline; `delay_s` later answers are already on their way."""

    phase: str  # before | together | after the transaction's own steps
    done: int  # how many steps of the phase are done
    delay_s: float = 0

    @property
    def name(self) -> str:
        return f"{self.phase}{self.done}{'_late' if self.delay_s else ''}"


async def die_at(
    here: World, gap: Gap, bug: str = "none", wave: Callable[[World], None] | None = None
) -> int:
    """Work for one wave, die at the gap in the next; how many reports were answered before."""
    wave = wave or _wave
    set_flag(here, "die", False)
    await here.gateway.spawn(command=doomed(gap, bug))
    await here.gateway.ready()
    await here.fleet.connected()
    wave(here)
    assert await here.fleet.drain(_DRAIN_S, _RESEND_S), "reports stay unanswered"
    before = here.fleet.accepted
    set_flag(here, "die", True)
    wave(here)
    assert here.gateway.child is not None
    await here.gateway.child.ended(_DIES_S)
    await here.gateway.stop()  # and read what it wrote last
    return before


def _wave(here: World) -> None:
    here.wave()


def doomed(gap: Gap, bug: str = "none") -> tuple[str | Path, ...]:
    """The program: it dies when the flag `die` is set and a batch comes to the gap."""
    return (sys.executable, _DOOMED, gap.phase, str(gap.done), str(gap.delay_s), bug)


def set_flag(here: World, name: str, on: bool) -> None:
    """A file beside the gateway's settings that doomed_gateway.py looks for."""
    flag = here.gateway.config_file.with_name(name)
    if on:
        flag.touch()
    else:
        flag.unlink(missing_ok=True)


async def start_again(here: World) -> None:
    """The same gateway without doom: it answers what was left, and what comes."""
    await here.gateway.start()
    assert await here.fleet.drain(_DRAIN_S, _RESEND_S), "reports stay unanswered"
    here.wave()
    assert await here.fleet.drain(_DRAIN_S, _RESEND_S), "new reports stay unanswered"
