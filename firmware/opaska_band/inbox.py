# SPDX-License-Identifier: Apache-2.0
# What comes down: opened, and handed to whom it concerns. What does not verify is counted and
# ignored.

from micropython import const

from opaska_protocol import answers, orders
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import UNVERIFIED_ANSWERS

from .guard import attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from opaska_protocol.channel import BandChannel

    from .faults import Faults

_WORTH_A_FAULT = const(20)  # refused messages: one may be left over from an earlier key


class Inbox:
    """`on_answer(answer)` and `on_order(order)` get verified content only; either may fail."""

    def __init__(
        self,
        channel: "BandChannel",
        on_answer: "Callable[[answers.Answer], Any]",
        on_order: "Callable[[orders.Order], Any]",
        faults: "Faults",
    ) -> None:
        self.refused = 0
        self._channel = channel
        self._on_answer = on_answer
        self._on_order = on_order
        self._faults = faults

    def receive(self, topic: bytes, data: bytes) -> None:
        """A message of the broker; nothing in it is believed before its seal was checked."""
        try:
            body = self._channel.open(data)
            kind = orders.body_type(body)
            if kind == answers.ANSWER:
                answer = answers.decode_answer(body)
                attempt("answer", lambda: self._on_answer(answer), self._faults)
            elif kind == orders.ORDER:
                order = orders.decode_order(body)
                attempt("order", lambda: self._on_order(order), self._faults)
        except ProtocolError as error:
            self.refused += 1
            if self.refused % _WORTH_A_FAULT == 0:
                self._faults.note(UNVERIFIED_ANSWERS, error.reason)
