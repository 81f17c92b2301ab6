# SPDX-License-Identifier: Apache-2.0
"""Structured log lines on stderr, and the journey: one line per station a report passes.

A station calls `journey("stored", kid=..., boot=..., seq=...)`; it costs one comparison when off.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Literal

import structlog

from opaska_gateway import clock

if TYPE_CHECKING:
    from structlog.typing import Processor

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
STATIONS = (
    "received",  # bytes from a broker
    "verified",  # the seal is the band's own
    "stored",  # committed
    "raised",  # an announced fall, by the gateway at its deadline
    "case_opened",
    "forwarded",  # handed to the monitoring centre
    "accepted",  # the centre's receiver said yes
    "answer_sent",  # an answer left for the band; `state` says which
)

_journey_on = False


def get_logger() -> structlog.stdlib.BoundLogger:
    """The logger every module uses: `log.info("event_name", key=value)`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger


def start_logging(
    form: Literal["auto", "human", "json"], level: str, *, show_journey: bool
) -> None:
    """Send log lines to stderr, as JSON lines or for a human ("auto": human on a terminal)."""
    global _journey_on  # noqa: PLW0603 - logging is one thing per process
    _journey_on = show_journey
    human = form == "human" or (form == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=_processors(human=human),
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )
    _quieten_libraries()


def journey(station: str, *, kid: str, boot: int, seq: int, **details: object) -> None:
    """Note that a report passed a station; `monotonic_ms` is the machine's own, for comparing."""
    if not _journey_on:
        return
    get_logger().info(
        "journey",
        station=station,
        kid=kid,
        boot=boot,
        seq=seq,
        monotonic_ms=round(clock.monotonic_s() * 1000, 3),
        **details,
    )


def _to_stderr(*_: object) -> structlog.WriteLogger:
    """Today's stderr: whoever runs this in a process of their own may have replaced it since."""
    return structlog.WriteLogger(sys.stderr)


def _processors(*, human: bool) -> list[Processor]:
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if human:
        # not structlog's own choice, which shows what local variables hold: keys, positions
        plain = structlog.dev.plain_traceback
        return [
            *shared,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),
        ]
    return [
        *shared,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]


def _quieten_libraries() -> None:
    """Libraries write through `logging`: only their warnings are for the operator."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
