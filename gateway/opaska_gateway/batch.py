# SPDX-License-Identifier: Apache-2.0
"""What travels through the pipeline: one batch, and in it reports and refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opaska_gateway.care.wearing import Whose
from opaska_protocol.reports import FALL

if TYPE_CHECKING:
    from opaska_gateway.bands import Band
    from opaska_gateway.care.wearing import Assignment
    from opaska_gateway.intake.arrival import Arrival
    from opaska_protocol.frame import UpHeader
    from opaska_protocol.reports import Report as Content

MessageId = tuple[bytes, int, int, int]  # device, generation, boot, seq


class Report:
    """One verified report on its way. Steps fill in what they find out."""

    __slots__ = (
        "alarm_kind",
        "answer_state",
        "arrival",
        "band",
        "body",
        "case_id",
        "content",
        "digest",
        "event_id",
        "header",
        "id",
        "occurred_error_ms",
        "occurred_ms",
        "opened_case",
        "planned",
        "resend_answers",
        "resend_orders",
        "rings",
        "verdict",
        "worn",
    )

    def __init__(
        self, arrival: Arrival, band: Band, header: UpHeader, body: bytes, content: Content
    ) -> None:
        self.arrival = arrival
        self.band = band
        self.header = header
        self.id: MessageId = (band.device_id, header.generation, header.boot, header.seq)
        self.body = body
        self.content = content
        self.alarm_kind: int | None = None
        self.rings = False
        self.digest = b""
        # by store
        self.event_id = 0  # row number; 0 = not stored (yet)
        self.occurred_ms = 0
        self.occurred_error_ms: int | None = None  # None = at the latest then
        self.worn: Assignment | None = None  # None = nobody wore the band then
        self.answer_state = 0  # how far its answers got; 0 = no answer may leave
        # by store, for a heartbeat
        self.resend_answers: list[tuple[int, int, int, int]] = []  # generation, boot, seq, state
        self.resend_orders: list[tuple[int, int, bytes]] = []  # dseq, kind, arguments
        # by note_visit
        self.verdict = ""  # of a carer's card: care/touch.py
        self.planned: list[int] | None = None  # [service, minutes] of a visit that was expected
        # by raise_case
        self.case_id: bytes | None = None
        self.opened_case = False

    @property
    def whose(self) -> Whose:
        """Whose it is; `store` has found out."""
        organisation_id = (self.worn or self.band).organisation_id
        return Whose(self.band.device_id, organisation_id, self.worn)

    @property
    def not_before_ms(self) -> int:
        """When its key was made."""
        return self.band.not_before_ms(self.header.generation)

    @property
    def still(self) -> bool:
        """Whether it is a fall after which nobody has moved."""
        return self.alarm_kind == FALL and bool(self.content.fields.get("still"))


@dataclass(slots=True)
class Refusal:
    """A frame that was refused, with its reason and whose it claimed to be."""

    arrival: Arrival
    reason: str
    band: Band | None = None  # None = no such band


@dataclass(slots=True)
class Batch:
    """What one turn of the loop brought. A report is in exactly one of the lists."""

    arrivals: list[Arrival]
    fresh: list[Report] = field(default_factory=list)  # seen for the first time
    repeats: list[Report] = field(default_factory=list)  # byte-identical to one that is stored
    refusals: list[Refusal] = field(default_factory=list)
    new_in_outbox: bool = False
    new_falls: bool = False  # announced ones, whose deadline runs
    new_settings: bool = False  # in force in a band; its heartbeat may be rarer now
