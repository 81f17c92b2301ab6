# SPDX-License-Identifier: Apache-2.0
"""How the running gateway is, its broker and its receivers: lines from what it tells."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from opaska_gateway.health.line import Line
from opaska_gateway.health.told import VERSION, Told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opaska_gateway.centre.interface import PathHealth

ANSWER_S: Final = 15.0  # a busy machine needs one; a loop that stands still never answers
MOST_BYTES: Final = 1_000_000

_START: Final = "start it: sudo systemctl start opaska-gateway, or opaska serve"
_RESTART: Final = "restart it: sudo systemctl restart opaska-gateway"
_HANGS: Final = "hangs", f"no answer within {ANSWER_S:g} s", f"{_RESTART}; keep its log"
_NO_WORD: Final[tuple[tuple[type[Exception], tuple[str, str, str]], ...]] = (
    (FileNotFoundError, ("not running", "nobody answers beside the database", _START)),
    (ConnectionRefusedError, ("not running", "it ended without a good-bye", _START)),
    (TimeoutError, _HANGS),
    (BlockingIOError, _HANGS),  # too many have asked in vain
    (PermissionError, ("not known", "it answers its own user only", "run this with sudo -u")),
    (ValidationError, ("not known", "its answer makes no sense here", _RESTART)),
    (OSError, ("not known", "it cannot be asked", f"{_RESTART}; see cannot_be_asked in its log")),
)  # the first that fits
_RECEIVER: Final = {
    "unknown": "",
    "up": "",
    "refusing": "compare its account, key and clock with the centre's letter",
    "down": "call the centre, and look at the network on the way to it",
}  # what to do, by state
_BROKER: Final = "start it (sudo systemctl start mosquitto), or correct [broker] in the settings"
_NO_RECEIVER: Final = "add a [[centre.receiver]] table to the settings: alarms reach nobody"
_SICK: Final = "make room, or start the database; bands keep their reports until then"


def of_process(file: Path, now_ms: int) -> Iterator[Line]:
    """Asks the gateway whose socket this is."""
    try:
        told = Told.model_validate_json(_heard(file))
    except (OSError, ValidationError) as error:
        yield _no_word(error)
        return

    def since_ms(seconds: float) -> int:
        return now_ms - round(seconds * 1000)

    detail = f"version {told.version}, process id {told.process_id}"
    todo = "" if told.version == VERSION else f"{_RESTART}; this is version {VERSION}"
    yield Line("gateway", "running", since_ms(told.for_s), detail, todo)
    if told.sick:
        yield Line("storing", "stands still", None, told.sick, _SICK)
    for link in told.links:
        state, todo = ("connected", "") if link.up else ("not connected", _BROKER)
        yield Line(f"broker {link.name}", state, since_ms(link.for_s), link.problem, todo)
    for path in told.receivers:
        part, todo = f"receiver {path.name}", _RECEIVER[path.state]
        yield Line(part, path.state, since_ms(path.for_s), _clock(path), todo)
        if path.notice:
            yield Line(part, "noticed", since_ms(path.noticed_s), path.notice)
    if not told.receivers:
        yield Line("receivers", 0, None, "", _NO_RECEIVER)


def _heard(file: Path) -> bytes:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(ANSWER_S)
        asking.connect(str(file))
        with asking.makefile("rb") as answer:
            return answer.read(MOST_BYTES)


def _no_word(error: Exception) -> Line:
    state, detail, todo = next(why for kind, why in _NO_WORD if isinstance(error, kind))
    return Line("gateway", state, None, detail, todo)


def _clock(path: PathHealth) -> str:
    off_s = round(path.clock_offset_ms / 1000)
    return f"its clock is {abs(off_s)} s {'ahead' if off_s > 0 else 'behind'}" if off_s else ""
