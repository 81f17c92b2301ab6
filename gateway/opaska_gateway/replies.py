# SPDX-License-Identifier: Apache-2.0
"""Seals what goes down to a band: answers and orders, each frame with a counter of its own."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from opaska_gateway import clock, order_arguments
from opaska_gateway.database.orders import QUESTIONS
from opaska_gateway.logs import get_logger, journey
from opaska_gateway.refusals import Refused
from opaska_gateway.vault import VaultError
from opaska_protocol.answers import Answer, encode_answer
from opaska_protocol.errors import ProtocolError
from opaska_protocol.orders import Order, encode_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_gateway.bands import Band
    from opaska_gateway.vault import Vault

    Publish = Callable[[str, bytes, bool], None]  # kid in hex, frame, whether the broker keeps it

log = get_logger()


def nowhere(kid_hex: str, frame: bytes, keep: bool) -> None:
    """Publishes nothing: a command line has no way to a band."""


class Replies:
    """The way down, through whatever way out is there."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.publish: Publish = nowhere
        self._counter = count(1)  # never repeats under this process's salt, whatever the band
        self.sent = 0

    def answer(
        self,
        band: Band,
        generation: int,
        boot: int,
        seq: int,
        state: int,
        planned: list[int] | None = None,
        *,
        keep: bool,
    ) -> None:
        """Tell a band how far its report is; with `keep` the broker holds it for an absent one.

        A report of an earlier key is answered under the newest, too: nobody tells us which of them
        the band has by now.
        """
        unix_s = clock.now_ms() // 1000
        body = encode_answer(Answer(state, generation, boot, seq, unix_s, planned))
        sent = [self._send(band, key, body, keep=keep) for key in {generation, band.generation}]
        if any(sent):
            journey("answer_sent", kid=band.kid_hex, boot=boot, seq=seq, state=state)

    def order(self, band: Band, dseq: int, kind: int, arguments: bytes) -> None:
        """Give a band an order, sealed under its newest key; `arguments` as the database has them.
        An order that cannot be read waits until somebody has seen to it."""
        try:
            opened = order_arguments.opened(self._vault, band.kid, kind, arguments)
            body = encode_order(Order(dseq, kind, opened))
        except (VaultError, ProtocolError) as error:
            log.error("order_unreadable", kid=band.kid_hex, dseq=dseq, problem=str(error))
            return
        self._send(band, band.generation, body, keep=kind not in QUESTIONS)  # they run out

    def _send(self, band: Band, generation: int, body: bytes, *, keep: bool) -> bool:
        if band.revoked:
            return False
        try:
            channel = band.channel(generation, clock.now_ms())
        except Refused:  # its key ran out since: nobody could open the answer
            return False
        self.publish(band.kid_hex, channel.seal(next(self._counter), body), keep)
        self.sent += 1
        return True
