# SPDX-License-Identifier: Apache-2.0
"""Quectel EG915U: an LTE Cat-1 and GSM modem on a UART. AT commands of 3GPP TS 27.007.

The UART is shared by two lines (cmux.py): `uart` carries PPP after `dial()`, the other one AT
commands at any time. A modem that knows no CMUX has one line for both: then there are no AT
commands until `hang_up()`, and `can_talk` says so. Whoever is not about to make the link uses
`ask()`. Signal strength is in dBm, as of `attach()` or `is_alive()`. A modem that shares its port
sleeps between contacts after `rest()` (eg915u_wake.py).
"""

import asyncio
import time

from micropython import const

from . import at
from .cmux import BEGIN, END, Cmux, Silent
from .eg915u_wake import Wake

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any

_CONNECT = const(b"CONNECT")
_PAGED_SELDOM = const(b'AT+CEDRXS=1,4,"0010"')  # TS 27.007, 7.40: every 20.48 s, E-UTRAN
_PAGED_OFTEN = const(b"AT+CEDRXS=0")  # as the network likes: every 1.28 or 2.56 s
_ON_LTE = const(b"AT+CEREG?")
_ON_GSM = const(b"AT+CGREG?")
_SIGNAL = const(b"AT+CSQ")

_ANSWER_MS = const(1_000)  # most come within 300 ms; longer where the network is asked
_QUICK_MS = const(300)  # AT and ATH: answered at once or not at all
_CARD_MS = const(5_000)  # AT+CPIN? while the card starts
_CARD_START_MS = const(20_000)  # until then it may be busy, or not found yet
_DIAL_MS = const(60_000)
_REGISTER_MS = const(90_000)  # a first search over all bands
_REGISTER_AGAIN_MS = const(20_000)  # in between it searches in its sleep
_KEY_MS = const(2_100)  # PWRKEY low for at least 2 s switches on or off
_START_MS = const(15_000)  # until the UART answers after PWRKEY
_DTR_MS = const(500)
_MOST_DEAF = const(2)
_CONNECTED_MS = const(10_000)  # so long the network holds the radio after the last byte
_GUARD_MS = const(1_100)  # silence of 1 s before and after +++
_FRAME = const(132)  # bytes of the longest frame of CMUX: so many flags end one that was begun
_AT_LINE = const(1)
_PPP_LINE = const(2)


class EG915U:
    """`uart` needs write, any and read; the Pin `power_key` pulls PWRKEY low with 1.

    The Pin `dtr` is ready with 0, the Pin `ring` falls when the modem has something to say.
    """

    Silent = Silent

    def __init__(
        self, uart: "Any", power_key: "Any" = None, dtr: "Any" = None, ring: "Any" = None
    ) -> None:
        self.signal_dbm: "int | None" = None
        self.trouble = ""  # what is wrong with the SIM card
        self.shares = True  # whether the next start asks for two lines
        self._is_near = False
        self._is_lost = False  # it has found no network
        self._is_told = False  # to begin anew with its access point
        self.uart = uart  # where PPP goes
        self._at = uart  # where commands go
        self._serial = uart
        self._mux: "Cmux | None" = None
        self._is_asked = asyncio.Lock()
        self._power_key = power_key
        self._dtr = dtr
        self._wake = Wake(dtr, ring)
        self._deaf = 0  # starts in a row that found it silent where it had been let sleep

    async def start(self, anew: bool = False) -> None:
        """Make the modem answer: end what it is at, power it up if it is silent. `anew`: let it
        begin from scratch, since what it was at comes to nothing."""
        if self._mux:
            self._mux.close()
        self.uart = self._at = self._serial
        wake = self._wake
        slept, wake.has_slept = wake.has_slept, False
        wake.may_sleep = wake.is_left = False
        wake.speak()
        # to a modem that shares no lines an empty word
        self._serial.write(b"\xf9" * _FRAME + END + b"\r")
        if not await self._answers():
            self._deaf += slept
            await self.hang_up()
            if not await self._answers():
                await self._switch_on()
        elif slept:
            self._deaf = 0
        if anew and await self._try(b"AT+CFUN=1,1"):
            await asyncio.sleep_ms(_KEY_MS)  # it may go on answering for a moment
            await self._started()
        await self.command(b"ATE0&D2")  # no echo; letting go of DTR ends a call
        await self._share()

    @property
    def has_line(self) -> bool:
        """Whether PPP is heard, as far as the modem has said."""
        return self.uart is self._serial or self.uart.is_open

    @property
    def can_talk(self) -> bool:
        """Whether commands are heard now, beside a data call."""
        return self._at is not self._serial and self._at.is_open

    async def be_near(self, near: bool) -> None:
        """Whether it listens often for what the network has; else an order may come 20 s later.

        Not at once: the radio is still connected, and perhaps busy with what matters more.
        """
        if near != self._is_near:
            self._is_near = near
            await asyncio.sleep_ms(_CONNECTED_MS)
            try:
                await self.ask(_PAGED_OFTEN if self._is_near else _PAGED_SELDOM)
            except OSError:
                pass  # no network or modem need know it; and the next attach says it again

    async def attach(self, apn: str = "") -> None:
        """Register with the network; OSError when there is no network, or the card has a trouble.

        A card that is put in, or has its contact again, is found with the next start alone."""
        await self._use_card()
        await self._use(apn)
        await self._try(b"AT+CPSMS=0")  # a card may ask for it, and then no order would come
        await self._try(_PAGED_OFTEN if self._is_near else _PAGED_SELDOM)
        begin = time.ticks_ms()
        patience_ms = _REGISTER_AGAIN_MS if self._is_lost else _REGISTER_MS
        while not await self._is_registered(self.command):
            if time.ticks_diff(time.ticks_ms(), begin) > patience_ms:
                self._is_lost = True
                raise OSError("no network: check antenna, coverage and SIM card")
            await asyncio.sleep_ms(_ANSWER_MS)
        self._is_lost = False
        self.signal_dbm = at.dbm(await self.command(_SIGNAL))

    async def _use_card(self) -> None:
        """Wait until it has started: it is ready, locked, or there is an error, 8.3 and 9.2.1."""
        await self._try(b"AT+CMEE=2")  # errors in words
        begin = time.ticks_ms()
        while True:
            try:
                said = str(await self.command(b"AT+CPIN?", wait_ms=_CARD_MS))
            except Silent:
                raise
            except OSError as error:
                said = error.args[0]
            word = said.rsplit(": ", 1)[-1].strip("[]'")
            if word in ("", "READY") or word[-4:] in "PIN2,PUK2":
                self.trouble = ""
                return
            is_late = time.ticks_diff(time.ticks_ms(), begin) > _CARD_START_MS
            if is_late or word[-3:] in "PIN,PUK":
                self.trouble = word
                raise OSError("card: " + word)
            await asyncio.sleep_ms(_ANSWER_MS)

    async def _use(self, apn: str) -> None:
        """With LTE it asks for its access point when it attaches, and by now it has: with another
        one it begins anew, once, since one that forgets would do so for ever."""
        context = b'1,"IP","%s' % apn.encode()
        known = await self._lines(b"AT+CGDCONT?")
        await self.command(b'AT+CGDCONT=%s"' % context)
        if not apn or self._is_told or known is None or at.has_context(known, context):
            return
        self._is_told = True
        await self.start(anew=True)
        await self.command(b'AT+CGDCONT=%s"' % context)

    async def is_lost(self) -> bool:
        """Whether it had no network, and says that it has found none since: one question, without
        a new start."""
        try:
            return self._is_lost and not await self._is_registered(self.ask)
        except OSError:
            return False

    async def _is_registered(self, ask: "Any") -> bool:
        """With LTE, or with GSM where that is all there is."""
        return at.is_registered(await ask(_ON_LTE)) or at.is_registered(await ask(_ON_GSM))

    async def is_alive(self) -> bool:
        """Whether it answers, as far as it can be asked beside a data call: one that has restarted
        unheard would let each connection wait in vain."""
        try:
            if self.can_talk:
                self.signal_dbm = at.dbm(await self.ask(_SIGNAL))
        except OSError:
            return False
        return True

    async def dial(self) -> None:
        """Open the data call. From here on the UART carries PPP."""
        await at.command(self.uart, b"ATD*99***1#", _CONNECT, _DIAL_MS)

    async def hang_up(self) -> None:
        """Back to AT commands, whatever the UART carried."""
        if self._dtr is not None:  # at once, if AT&D2 was heard
            self._dtr.value(1)
            await asyncio.sleep_ms(_DTR_MS)
            self._dtr.value(0)
            if await self._answers():
                return
        await asyncio.sleep_ms(_GUARD_MS)
        self._serial.write(b"+++")
        await asyncio.sleep_ms(_GUARD_MS)
        await self._try(b"ATH", _QUICK_MS)

    async def command(
        self, line: bytes, end: bytes = at.OK, wait_ms: int = _ANSWER_MS
    ) -> "list[bytes]":
        """The information lines before `end`; OSError on an error or silence."""
        async with self._is_asked:
            return await at.command(self._at, line, end, wait_ms)

    async def ask(self, line: bytes) -> "list[bytes]":
        """As `command`, for those who may wait; OSError unless `can_talk` when its turn comes."""
        async with self._is_asked:
            if not self.can_talk:
                raise OSError("no line for commands")
            lines = await at.command(self._at, line, at.OK, _ANSWER_MS)
        if self._wake.has_slept:  # and was woken
            self._wake.has_slept, self._deaf = False, 0
        return lines

    async def _share(self) -> None:
        """Two lines from now on; one, when the modem knows no CMUX."""
        if not self.shares:
            return
        try:
            await self.command(BEGIN)
        except Silent:  # it may share them now: the next start ends that
            raise
        except OSError:
            return
        mux = self._mux = Cmux(self._serial, _PPP_LINE, self._wake)
        try:
            await mux.open()
        except OSError:
            mux.close()
            self._serial.write(END)
            if await self._answers():
                return
            self.shares = False  # it stays deaf; PWRKEY will end that
            raise
        self._at, self.uart = mux.lines[_AT_LINE], mux.lines[_PPP_LINE]
        await self.command(b"ATE0")
        await at.command(self.uart, b"ATE0", at.OK, _ANSWER_MS)

    # --- sleep ---

    async def rest(self, is_left: bool = False) -> None:
        """From now on it sleeps while nothing is said, if it shares its port: DTR, which lets it,
        must no longer end a call. `is_left`: nobody waits for it, so the processor may anyway."""
        self._wake.is_left = is_left
        if self._dtr is None or self._deaf >= _MOST_DEAF or not self.can_talk:
            return  # perhaps DTR's wire is broken: held awake it is heard, and hears
        self._wake.may_sleep = await self._twice(b"AT&D0") and await self._twice(b"AT+QSCLK=1")

    @property
    def is_awake(self) -> bool:
        """Whether bytes may come and go: asked by a processor that would like to sleep."""
        return self._wake.is_awake

    def heard(self, _: "Any" = None) -> None:
        """Wake it, since something will soon be said; may be called by an interrupt."""
        self._wake.heard()

    async def _answers(self) -> bool:
        # the first AT may be lost while the modem finds the baud rate
        return await self._try(b"AT", _QUICK_MS) or await self._try(b"AT", _QUICK_MS)

    async def _twice(self, line: bytes) -> bool:
        """A word that was lost or late must not keep it awake until the cell is empty."""
        return await self._try(line) or await self._try(line)

    async def _try(self, line: bytes, wait_ms: int = _ANSWER_MS) -> bool:
        return await self._lines(line, wait_ms) is not None

    async def _lines(self, line: bytes, wait_ms: int = _ANSWER_MS) -> "list[bytes] | None":
        """None: an error, or no answer."""
        try:
            return await self.command(line, wait_ms=wait_ms)
        except OSError:
            return None

    async def _switch_on(self) -> None:
        if self._power_key is not None:
            self._power_key.value(1)
            await asyncio.sleep_ms(_KEY_MS)
            self._power_key.value(0)
        await self._started()

    async def _started(self) -> None:
        begin = time.ticks_ms()
        while not await self._try(b"AT", _QUICK_MS):
            if time.ticks_diff(time.ticks_ms(), begin) > _START_MS:
                raise OSError("the modem does not answer")
