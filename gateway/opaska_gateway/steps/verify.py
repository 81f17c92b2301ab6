# SPDX-License-Identifier: Apache-2.0
"""Verify: whose frame it is, that only its band can have sealed it, and what it says."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from opaska_gateway.batch import Refusal, Report
from opaska_gateway.logs import journey
from opaska_gateway.refusals import Refused
from opaska_protocol.errors import ProtocolError
from opaska_protocol.frame import KID_SIZE, parse_up
from opaska_protocol.reports import ALARM, decode_report, is_urgent, rings

if TYPE_CHECKING:
    from opaska_gateway.bands import Band
    from opaska_gateway.batch import Batch
    from opaska_gateway.context import Context
    from opaska_gateway.intake.arrival import Arrival

DIGEST_BYTES = 16  # 128 bits: nobody finds another frame with the same digest


async def verify(batch: Batch, context: Context) -> None:
    """Sort the arrivals into reports and refusals."""
    kids = {arrival.kid_hex: _kid(arrival.kid_hex) for arrival in batch.arrivals}
    bands = await context.bands.fetch({kid for kid in kids.values() if kid})
    for arrival in batch.arrivals:
        band = bands.get(kids[arrival.kid_hex])
        try:
            report = _verified(arrival, band)
            if not is_urgent(report.content.type) and context.allowance.is_spent(arrival.kid_hex):
                raise Refused("flood")
            batch.fresh.append(report)
        except (Refused, ProtocolError) as error:
            batch.refusals.append(Refusal(arrival, error.reason, band))


def _verified(arrival: Arrival, band: Band | None) -> Report:
    if band is None:
        raise Refused("unknown_band")
    header, ciphertext = parse_up(arrival.frame)
    journey("received", kid=arrival.kid_hex, boot=header.boot, seq=header.seq, way=arrival.way)
    if header.kid != band.kid:
        raise Refused("wrong_topic")
    if band.revoked:
        raise Refused("revoked")
    body = band.channel(header.generation, arrival.received_ms).open(header, ciphertext)
    report = Report(arrival, band, header, body, decode_report(body))
    report.digest = sha256(arrival.frame).digest()[:DIGEST_BYTES]
    report.rings = rings(report.content.type)
    if report.content.type == ALARM:
        report.alarm_kind = report.content.fields.get("kind")
    journey("verified", kid=arrival.kid_hex, boot=header.boot, seq=header.seq)
    return report


def _kid(kid_hex: str) -> bytes:
    """The kid that a topic names; empty if it cannot be one."""
    try:
        kid = bytes.fromhex(kid_hex)
    except ValueError:
        return b""
    return kid if len(kid) == KID_SIZE else b""
