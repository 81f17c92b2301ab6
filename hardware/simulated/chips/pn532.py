# SPDX-License-Identifier: Apache-2.0
"""PN532 NFC reader on I2C, by its user manual (NXP UM0701-02): ready byte, frames, IRQ, the low
battery mode after a start, and the commands with which cards of type A are found and asked. Runs
on CPython, in the supervisor. Durations are of the order that the manual and its users tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .nfc_field import Field
from .pn532_link import ACK, ERROR, NACK, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nfc_field import Card

DIAGNOSE = 0x00
GET_FIRMWARE_VERSION = 0x02
GET_GENERAL_STATUS = 0x04
SET_PARAMETERS = 0x12
SAM_CONFIGURATION = 0x14
POWER_DOWN = 0x16
RF_CONFIGURATION = 0x32
IN_DATA_EXCHANGE = 0x40
IN_DESELECT = 0x44
IN_LIST_PASSIVE_TARGET = 0x4A
IN_RELEASE = 0x52

TIMEOUT = 0x01  # the card has not answered
BAD_PARAMETER = 0x10
WRONG_CONTEXT = 0x27  # no card has this number

BOOT_MS = 2.0  # from RSTPDN up until it answers
ACK_MS = 1.0
_QUICK_MS = 1.0
_TRY_MS = 5.0  # to look for a card once
_CARD_MS = 8.0  # to select one
_BYTE_MS = 0.085  # at 106 kbit/s
_SILENCE_MS = 150.0  # until a silent card is given up
_FOREVER = 0xFF
_FIELD, _RETRIES = 1, 5  # items of RF_CONFIGURATION
_TYPE_A = 0
_MOST_TARGETS = 2
_WAKE_BY_I2C = 0x80
_VERSION = bytes((0x32, 1, 6, 7))  # PN532, firmware 1.6, both types and ISO 18092

# What may be wrong with the chip.
FAULTS = (
    "silent",  # it does not answer
    "identity",  # it is another chip, a PN533
    "mute",  # it takes commands, and is never ready
    "deaf",  # it acknowledges them, and does nothing
    "stuck",  # SDA hangs high: every bit is 1
    "short",  # it lets go of the bus in the middle of a transfer
    "half",  # of each answer the end is missing
    "checksum",  # every answer has a wrong one
    "once",  # the next answer has, and is right when asked for again
    "unwired",  # IRQ does not reach the processor
    "shorted",  # IRQ is always low
)


class PN532:
    """`on_irq` is told the level of IRQ whenever it changes: high is at rest."""

    ADDRESS = 0x24

    def __init__(
        self, now_ms: Callable[[], float], after: Callable[[float, Callable[[], None]], None]
    ) -> None:
        self.on_irq: Callable[[bool], None] | None = None
        self.field = Field()
        self._fault: str | None = None  # one of FAULTS
        self._now_ms = now_ms
        self._after = after
        self._is_up = False  # RSTPDN
        self._up_ms = 0.0  # since then it answers
        self._irq = True
        self._forget()

    def _forget(self) -> None:
        self.field.switch(on=False)
        self._job = object()  # what belongs to an older one is void
        self._low_battery = True  # until SAMConfiguration
        self._drives_irq = True
        self._sleeps = False
        self._retries = _FOREVER
        self._targets: dict[int, Card] = {}
        self._command = b""  # whose acknowledgement waits
        self._out = b""  # the frame that waits
        self._last = b""  # the answer before, for whoever did not understand it

    # --- supply, bus and world ---

    def reset(self, high: bool) -> None:
        """The level of RSTPDN; low cuts its current."""
        if high != self._is_up:
            self._is_up = high
            self._up_ms = self._now_ms() + BOOT_MS
            self._forget()
            self._drive_irq()

    @property
    def is_on(self) -> bool:
        """Whether it has current."""
        return self._is_up

    @property
    def state(self) -> str:
        """off, asleep, idle or field: what it takes of the battery."""
        if not self._is_up:
            return "off"
        return "asleep" if self._sleeps else "field" if self.field.is_on else "idle"

    @property
    def looks(self) -> int:
        """How often its field has come up."""
        return self.field.times_on

    @property
    def answers(self) -> bool:
        """Whether it acknowledges its address."""
        return self._is_up and self._fault != "silent" and self._now_ms() >= self._up_ms

    @property
    def fault(self) -> str | None:
        """One of FAULTS."""
        return self._fault

    @fault.setter
    def fault(self, fault: str | None) -> None:
        self._fault = fault
        self._drive_irq()

    def write(self, data: bytes) -> bool:
        """A write on the bus: a whole frame, or nothing that is understood."""
        self._sleeps = False
        if data == NACK:
            self._offer(self._last, ACK_MS)
        elif data == ACK:  # to give up what is under way
            self._job = object()
            self._put(b"")
        else:
            command = unpacked(data)
            if command:
                self._command = command
                self._offer(ACK, ACK_MS)
        return True

    def read(self, count: int) -> bytes:
        """A read on the bus: the ready byte, and the frame from its begin. What was read further
        than that byte is gone."""
        if self._fault == "stuck":
            return b"\xff" * count
        if not self._out:
            return bytes(count)
        data = (b"\x01" + self._sent()).ljust(count, b"\0")[:count]
        if self._fault == "short" and count > 1:
            data = data[: count // 2].ljust(count, b"\xff")
        if count > 1:
            was_ack = self._out == ACK
            self._put(b"")
            if was_ack and self._fault != "deaf":
                self._carry_out()
        return data

    # --- frames ---

    def _sent(self) -> bytes:
        """The frame that waits, as the fault has it."""
        frame = self._out
        if frame == ACK or self._fault not in ("half", "checksum", "once"):
            return frame
        if self._fault == "half":
            return frame[: len(frame) // 2]
        if self._fault == "once":
            self._fault = None
        return frame[:-2] + bytes((frame[-2] ^ 1, frame[-1]))

    def _offer(self, frame: bytes, ms: float) -> None:
        """It is ready in a moment, unless another command comes first."""
        self._job = job = object()
        self._put(b"")

        def ready() -> None:
            if job is self._job and self._fault != "mute":
                self._put(frame)

        self._after(ms, ready)

    def _put(self, frame: bytes) -> None:
        self._out = frame
        self._drive_irq()

    def _drive_irq(self) -> None:
        level = not (self._is_up and self._out and self._drives_irq)
        if self._fault in ("unwired", "shorted"):
            level = self._fault == "unwired"
        if level != self._irq:
            self._irq = level
            if self.on_irq:
                self.on_irq(level)

    # --- commands ---

    def _carry_out(self) -> None:
        """The acknowledgement was read."""
        code, data = self._command[0], self._command[1:]
        if self._low_battery and code not in (SAM_CONFIGURATION, GET_FIRMWARE_VERSION):
            self._answer(ERROR, _QUICK_MS)
        elif code == IN_LIST_PASSIVE_TARGET:
            self._list(data)
        elif code == IN_DATA_EXCHANGE:
            self._exchange(data)
        else:
            answer = self._plain(code, data)
            frame = ERROR if answer is None else packed(bytes((code + 1,)) + answer)
            self._answer(frame, _QUICK_MS)

    def _answer(self, frame: bytes, ms: float) -> None:
        self._last = frame
        self._offer(frame, ms)

    def _plain(self, code: int, data: bytes) -> bytes | None:
        """What is answered at once; None: a command that is not understood."""
        if code == GET_FIRMWARE_VERSION:
            version = 0x33 if self._fault == "identity" else _VERSION[0]
            return bytes((version, *_VERSION[1:]))
        if code == SAM_CONFIGURATION and data and data[0] in (1, 2, 3, 4):
            self._low_battery = False
            self._drives_irq = len(data) < 3 or data[2] == 1
            return b""
        if code == RF_CONFIGURATION and len(data) > 1:
            return self._configure(data)
        if code == GET_GENERAL_STATUS:
            return bytes((0, self.field.is_on, len(self._targets)))
        if code == SET_PARAMETERS and len(data) == 1:
            return b""
        if code == DIAGNOSE and data[:1] == b"\0":
            return data  # the line between the two
        if code in (IN_RELEASE, IN_DESELECT) and len(data) == 1:
            return self._let_go(data[0])
        if code == POWER_DOWN and data and data[0] & _WAKE_BY_I2C:
            self.field.switch(on=False)
            self._sleeps = True
            return b"\0"
        return None

    def _configure(self, data: bytes) -> bytes:
        if data[0] == _FIELD:
            self.field.switch(on=bool(data[1] & 1))
            if not self.field.is_on:
                self._targets.clear()
        elif data[0] == _RETRIES and len(data) == 4:
            self._retries = data[3]
        return b""

    def _let_go(self, number: int) -> bytes:
        """0: all of them."""
        gone = [n for n in self._targets if number in (0, n)]
        for n in gone:
            self.field.release(self._targets.pop(n))
        return bytes((0 if gone or not number else WRONG_CONTEXT,))

    def _list(self, data: bytes) -> None:
        if len(data) < 2 or not 1 <= data[0] <= _MOST_TARGETS or data[1] != _TYPE_A:
            self._answer(ERROR, _QUICK_MS)
            return
        cards = self.field.activate(data[0])
        self._targets = dict(enumerate(cards, 1))
        if cards or self._retries != _FOREVER:
            found = b"".join(_described(number, card) for number, card in self._targets.items())
            ms = _CARD_MS * len(cards) if cards else _TRY_MS * (1 + self._retries)
            code = IN_LIST_PASSIVE_TARGET + 1
            self._answer(packed(bytes((code, len(cards))) + found), ms)
            return
        self._job = job = object()
        self._after(_TRY_MS * 10, lambda: self._list(data) if job is self._job else None)

    def _exchange(self, data: bytes) -> None:
        card = self._targets.get(data[0]) if data else None
        status, answer, ms = WRONG_CONTEXT, b"", _QUICK_MS
        if card:
            said = self.field.ask(card, data[1:]) if data[1:] else None
            status, answer = (TIMEOUT, b"") if said is None else (0, said)
            ms += _SILENCE_MS if said is None else _BYTE_MS * (len(data) + len(answer))
        self._answer(packed(bytes((IN_DATA_EXCHANGE + 1, status)) + answer), ms)


def _described(number: int, card: Card) -> bytes:
    """As an answer to InListPassiveTarget has it."""
    sens_res = card.sens_res.to_bytes(2, "big")
    return bytes((number, *sens_res, card.sel_res, len(card.uid))) + card.uid + card.ats
