# SPDX-License-Identifier: Apache-2.0
"""Acknowledge: only now, after the commit, may bands hear that their reports are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_gateway.logs import journey
from opaska_protocol.answers import STORED

if TYPE_CHECKING:
    from opaska_gateway.batch import Batch, Report
    from opaska_gateway.context import Context


def acknowledge(batch: Batch, context: Context) -> None:
    """Answer every stored report; a repeat hears again how far it got."""
    for report in batch.fresh:
        context.allowance.spend(report.arrival.kid_hex)
        _note(report)
        _answer(report, context)
    for report in batch.repeats:
        _answer(report, context)
    context.count("stored", len(batch.fresh))
    context.count("repeated", len(batch.repeats))
    for report in batch.fresh:
        if report.verdict:
            context.count(f"visits.{report.verdict}")
    for refusal in batch.refusals:
        context.count(f"refused.{refusal.reason}")
    context.unverified.note(batch.refusals)
    if batch.new_in_outbox:
        context.outbox_ready.set()
    if batch.new_falls:
        context.falls_announced.set()
    if batch.new_settings:
        context.changes += 1


def _answer(report: Report, context: Context) -> None:
    band, header = report.band, report.header
    reached = report.answer_state
    if reached > STORED:
        context.resender.expect_echo({band.kid})
    for state in (STORED,) if reached == STORED else (STORED, reached):
        planned = report.planned if state == STORED else None
        context.replies.answer(
            band, header.generation, header.boot, header.seq, state, planned, keep=report.rings
        )
    for generation, boot, seq, state in report.resend_answers:
        context.replies.answer(band, generation, boot, seq, state, keep=True)
    if report.resend_orders:
        context.resender.expect_echo({band.kid})
    for dseq, kind, arguments in report.resend_orders:
        context.replies.order(band, dseq, kind, arguments)


def _note(report: Report) -> None:
    kid, boot, seq = report.band.kid_hex, report.header.boot, report.header.seq
    journey("stored", kid=kid, boot=boot, seq=seq)
    if report.opened_case and report.case_id:
        journey("case_opened", kid=kid, boot=boot, seq=seq, case=report.case_id.hex())
