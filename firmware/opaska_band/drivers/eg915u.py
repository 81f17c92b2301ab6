# SPDX-License-Identifier: Apache-2.0
"""Quectel EG915U: an LTE Cat-1 modem on a UART. AT commands of 3GPP TS 27.007.

The UART is shared by two lines (cmux.py): `uart` carries PPP after `dial()`, the other one AT
commands at any time. A modem that knows no CMUX has one line for both: then there are no AT
commands until `hang_up()`, and `can_talk` says so. Whoever is not about to make the link uses
`ask()`. Signal strength is in dBm, as of `attach()`. A modem that shares its port sleeps between
contacts after `rest()`: DTR is let go of when nothing was said for a while and somebody asks for
`is_awake`, pulled before anything is written, and when RI tells that the modem is about to speak.
"""

import asyncio
import time

from micropython import const

from .cmux import BEGIN, END, Cmux, Silent

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any

_OK = const(b"OK")
_CONNECT = const(b"CONNECT")
_FAILURES = const((b"ERROR", b"+CME ERROR", b"NO CARRIER", b"BUSY", b"NO DIALTONE"))
_PAGED_SELDOM = const(b'AT+CEDRXS=1,4,"0010"')  # TS 27.007, 7.40: every 20.48 s, E-UTRAN
_PAGED_OFTEN = const(b"AT+CEDRXS=0")  # as the network likes: every 1.28 or 2.56 s
_REGISTERED = const((b"1", b"5"))  # home, roaming; second number of +CEREG, TS 27.007 10.1.22

_POLL_MS = const(20)
_ANSWER_MS = const(1_000)  # TS 27.007 allows more only for commands that reach the network
_QUICK_MS = const(300)  # AT and ATH: answered at once or not at all
_SIM_MS = const(5_000)  # AT+CPIN? while the card starts
_DIAL_MS = const(60_000)
_REGISTER_MS = const(90_000)  # a first search over all bands
_REGISTER_AGAIN_MS = const(20_000)  # in between it searches in its sleep
_KEY_MS = const(2_100)  # PWRKEY low for at least 2 s switches on or off
_START_MS = const(15_000)  # until the UART answers after PWRKEY
_DTR_MS = const(500)
_WAKE_MS = const(50)  # from DTR until the serial port hears
_QUIET_MS = const(2_000)  # without a byte either way, then it may sleep; answers come sooner
_MOST_DEAF = const(2)
_CONNECTED_MS = const(10_000)  # so long the network holds the radio after the last byte
_GUARD_MS = const(1_100)  # silence of 1 s before and after +++
_FRAME = const(132)  # bytes of the longest frame of CMUX: so many flags end one that was begun
_LINE = const(128)  # bytes; a longer line is noise
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
        self.shares = True  # whether the next start asks for two lines
        self._is_near = False
        self._patience_ms = _REGISTER_MS
        self.uart = uart  # where PPP goes
        self._at = uart  # where commands go
        self._serial = uart
        self._mux: "Cmux | None" = None
        self._is_asked = asyncio.Lock()
        self._power_key = power_key
        self._dtr = dtr
        self._is_held = True  # DTR: without it nothing is heard on the port
        self._may_sleep = False
        self._deaf = 0  # starts that found it silent where it had been let sleep
        self._held_at = self._stirred_at = time.ticks_ms()
        if ring is not None:
            ring.irq(self.heard, ring.IRQ_FALLING)

    async def start(self) -> None:
        """Make the modem answer: end what it is at, power it up if it is silent."""
        if self._mux:
            self._mux.close()
        self.uart = self._at = self._serial
        slept, self._may_sleep = self._may_sleep, False
        self.heard()
        await asyncio.sleep_ms(_WAKE_MS)
        # to a modem that shares no lines an empty word
        self._serial.write(b"\xf9" * _FRAME + END + b"\r")
        if not await self._answers():
            self._deaf += slept
            await self.hang_up()
            if not await self._answers():
                await self._switch_on()
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
        """Register with the network; OSError when there is no card or no network."""
        await self.command(b"AT+CPIN?", wait_ms=_SIM_MS)
        await self.command(b'AT+CGDCONT=1,"IP","%s"' % apn.encode())
        await self._try(_PAGED_OFTEN if self._is_near else _PAGED_SELDOM)
        begin = time.ticks_ms()
        while not _is_registered(await self.command(b"AT+CEREG?")):
            if time.ticks_diff(time.ticks_ms(), begin) > self._patience_ms:
                self._patience_ms = _REGISTER_AGAIN_MS
                raise OSError("no network: check antenna, coverage and SIM card")
            await asyncio.sleep_ms(_ANSWER_MS)
        self._patience_ms = _REGISTER_MS
        self.signal_dbm = _dbm(await self.command(b"AT+CSQ"))

    async def dial(self) -> None:
        """Open the data call. From here on the UART carries PPP."""
        await self._command(self.uart, b"ATD*99***1#", _CONNECT, _DIAL_MS)

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
        await self._try(b"ATH")

    async def command(
        self, line: bytes, end: bytes = _OK, wait_ms: int = _ANSWER_MS
    ) -> "list[bytes]":
        """The information lines before `end`; OSError on an error or silence."""
        async with self._is_asked:
            return await self._command(self._at, line, end, wait_ms)

    async def ask(self, line: bytes) -> "list[bytes]":
        """As `command`, for those who may wait; OSError unless `can_talk` when its turn comes."""
        async with self._is_asked:
            if not self.can_talk:
                raise OSError("no line for commands")
            return await self._command(self._at, line, _OK, _ANSWER_MS)

    async def _command(self, port: "Any", line: bytes, end: bytes, wait_ms: int) -> "list[bytes]":
        port.read(port.any())  # late words of the command before
        port.write(line + b"\r")
        deadline = time.ticks_add(time.ticks_ms(), wait_ms)
        lines: "list[bytes]" = []
        while True:
            answer = await self._read_line(port, deadline)
            if answer.startswith(end):
                return lines
            if any(answer.startswith(failure) for failure in _FAILURES):
                raise OSError("%s: %s" % (line.decode(), bytes(answer)))
            if answer and answer != line:  # an echo is no answer
                lines.append(answer)

    async def _share(self) -> None:
        """Two lines from now on; one, when the modem knows no CMUX."""
        if not self.shares or not await self._try(BEGIN):
            return
        mux = self._mux = Cmux(self._serial, _PPP_LINE, self)
        try:
            await mux.open()
        except OSError:
            mux.close()
            self._serial.write(END)
            if await self._answers():
                return
            raise
        self._at, self.uart = mux.lines[_AT_LINE], mux.lines[_PPP_LINE]
        await self.command(b"ATE0")
        await self._command(self.uart, b"ATE0", _OK, _ANSWER_MS)

    # --- sleep ---

    async def rest(self) -> None:
        """From now on it sleeps while nothing is said, if it shares its port: DTR, which lets it,
        must no longer end a call."""
        if self._dtr is None or self._deaf >= _MOST_DEAF or not self.can_talk:
            return  # perhaps DTR's wire is broken: held awake it is heard, and hears
        self._may_sleep = await self._try(b"AT&D0") and await self._try(b"AT+QSCLK=1")

    @property
    def is_awake(self) -> bool:
        """Whether bytes may come and go; else RI falls before they come. Asked by a processor that
        would like to sleep, it lets the modem go after a quiet time."""
        quiet_ms = time.ticks_diff(time.ticks_ms(), self._stirred_at)
        if self._is_held and self._may_sleep and not 0 <= quiet_ms < _QUIET_MS:
            self._is_held = False
            self._dtr.value(1)
        return self._is_held

    def speak(self) -> None:
        """Before bytes are written: waits until the modem hears them."""
        self.heard()
        left_ms = _WAKE_MS - time.ticks_diff(time.ticks_ms(), self._held_at)
        if 0 < left_ms <= _WAKE_MS:  # beyond: ticks wrapped since
            time.sleep_ms(left_ms)

    def heard(self, _: "Any" = None) -> None:
        """Bytes have come, or RI; may be called by an interrupt."""
        self._stirred_at = time.ticks_ms()
        if not self._is_held:
            self._is_held = True
            self._held_at = self._stirred_at
            self._dtr.value(0)

    async def _answers(self) -> bool:
        # the first AT may be lost while the modem finds the baud rate
        return await self._try(b"AT") or await self._try(b"AT")

    async def _try(self, line: bytes) -> bool:
        try:
            await self.command(line, wait_ms=_QUICK_MS)
        except OSError:
            return False
        return True

    async def _switch_on(self) -> None:
        if self._power_key is not None:
            self._power_key.value(1)
            await asyncio.sleep_ms(_KEY_MS)
            self._power_key.value(0)
        begin = time.ticks_ms()
        while not await self._try(b"AT"):
            if time.ticks_diff(time.ticks_ms(), begin) > _START_MS:
                raise OSError("the modem does not answer")

    async def _read_line(self, port: "Any", deadline: "Any") -> bytes:
        """One line without its end; nothing is read beyond it, PPP may follow CONNECT."""
        line = bytearray()
        while True:
            while port.any():
                byte = port.read(1)
                if byte == b"\n":
                    return bytes(line).strip()
                if len(line) < _LINE:
                    line += byte
            if time.ticks_diff(deadline, time.ticks_ms()) <= 0:
                raise Silent("no answer from the modem")
            await asyncio.sleep_ms(_POLL_MS)


def _is_registered(answers: "list[bytes]") -> bool:
    """+CEREG: <n>,<stat>[,...]"""
    for line in answers:
        if line.startswith(b"+CEREG:"):
            fields = line.split(b":")[1].split(b",")
            return len(fields) > 1 and fields[1].strip() in _REGISTERED
    return False


def _dbm(answers: "list[bytes]") -> "int | None":
    """+CSQ: <rssi>,<ber>: 0..31 are -113 to -51 dBm in steps of 2, 99 is unknown. TS 27.007 8.5"""
    for line in answers:
        if line.startswith(b"+CSQ:"):
            try:
                rssi = int(line.split(b":")[1].split(b",")[0])
            except ValueError:
                return None
            return 2 * rssi - 113 if 0 <= rssi <= 31 else None
    return None
