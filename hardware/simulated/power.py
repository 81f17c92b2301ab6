# SPDX-License-Identifier: Apache-2.0
# How this run of the board began, and how it ends: reset causes, sleep and the loss of power.
# A board that has ended touches nothing any more: the supervisor kills it, or it kills itself.

import json
import os

from micropython import const

_PWRON_RESET = const(1)
_HARD_RESET = const(2)
_HARD_RESET_EXIT = const(42)  # exit code of a board that nobody supervises

_FOLDER = os.getenv("OPASKA_SIM_DIR") or "."
START = json.loads(os.getenv("OPASKA_SIM_START") or "{}")

cause = START.get("cause", _PWRON_RESET)
wake = START.get("wake", 0)


def path(name):
    """A file of the board's that outlives the process."""
    return _FOLDER + "/" + name


def cut():
    """The power is gone: not one more instruction runs."""
    import control

    control.send({"cut": True})
    os.system("kill -9 $PPID")  # noqa: S605 - SIGKILL is the one exit that no code can catch


def end(how):
    """Leave for good. `how` is the last message: {"reset": cause} or {"sleep": ms, ...}."""
    import control

    control.send(how)
    control.wait_for_the_end()
    if how.get("reset") == _HARD_RESET:
        raise SystemExit(_HARD_RESET_EXIT)
    cut()
