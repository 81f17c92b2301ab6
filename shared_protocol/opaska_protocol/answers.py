# SPDX-License-Identifier: Apache-2.0
"""What the gateway answers to a report. States only move forward. SPEC.md, section 6."""

from . import body as _body
from .body import INTS, LIMIT, REQUIRED, U16, U32, U40, UINT
from .errors import BodyError

ANSWER = 1  # body type

# states of a report, in the order in which help comes nearer
STORED, ACCEPTED, TAKEN, CLOSED = 1, 2, 3, 4

# fmt: off
_TABLE = (
    1 | UINT | REQUIRED | U32, "state",
    2 | UINT | REQUIRED | U16, "generation",
    3 | UINT | REQUIRED | U32, "boot",
    4 | UINT | REQUIRED | U32, "seq",
    5 | UINT | U40, "unix_s",  # the gateway's clock: never decides
    6 | INTS | 2 << LIMIT, "planned",  # [service, minutes] of a visit that begins
)
# fmt: on


class Answer:
    """State of the report (generation, boot, seq); `unix_s` is the gateway's time or None,
    `planned` the visit that was expected, [service, minutes], or None."""

    __slots__ = ("boot", "generation", "planned", "seq", "state", "unix_s")

    def __init__(
        self,
        state: int,
        generation: int,
        boot: int,
        seq: int,
        unix_s: "int | None" = None,
        planned: "list[int] | None" = None,
    ) -> None:
        self.state = state
        self.generation = generation
        self.boot = boot
        self.seq = seq
        self.unix_s = unix_s
        self.planned = planned


def encode_answer(answer: Answer) -> bytes:
    fields = {name: getattr(answer, name) for _, name, _, _, _ in _body.rows(_TABLE)}
    return _body.encode(ANSWER, _TABLE, fields)


def decode_answer(data: bytes) -> Answer:
    """CborError or BodyError with its reason. An unknown, later state counts as the last known."""
    type_, rest = _body.decode(data)
    if type_ != ANSWER:
        raise BodyError("wrong_type")
    fields, problems = _body.named(rest, _TABLE)
    if problems:
        raise BodyError("bad_field")
    if fields["state"] < STORED:
        raise BodyError("bad_field")
    fields["state"] = min(fields["state"], CLOSED)
    return Answer(**fields)
