# SPDX-License-Identifier: Apache-2.0
# How this run of the board began, and how it ends: reset causes, sleep and the loss of power.
# A board that has ended touches nothing any more: the supervisor kills it (or it kills itself).

import json
import os

# machine.reset_cause() and machine.wake_reason() as on the ESP32
PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
EXT0_WAKE = 2
EXT1_WAKE = 3
TIMER_WAKE = 4

HARD_RESET_EXIT = 42  # exit code of a board that nobody supervises

FOLDER = os.getenv("OPASKA_SIM_DIR") or "."
START = json.loads(os.getenv("OPASKA_SIM_START") or "{}")

cause = START.get("cause", PWRON_RESET)
wake = START.get("wake", 0)


def path(name):
    """A file of the board's that outlives the process."""
    return FOLDER + "/" + name


def cut():
    """The power is gone: not one more instruction runs."""
    import control

    control.send({"cut": True})
    _die()


def end(how):
    """Leave for good. `how` is the last message: {"reset": cause} or {"sleep": ms, ...}."""
    import control

    control.send(how)
    control.wait_for_the_end()
    if how.get("reset") == HARD_RESET:
        raise SystemExit(HARD_RESET_EXIT)
    _die()


def _die():
    os.system("kill -9 $PPID")  # noqa: S605 - SIGKILL is the one exit that no code can catch
