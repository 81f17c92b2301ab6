# SPDX-License-Identifier: Apache-2.0
"""Quectel EG915U class modem for LTE and GSM on its serial port: 3GPP TS 27.007 commands, dialling
into data mode, lines that share the port (AT+CMUX), GNSS; what PPP carries is network.py's affair.
Runs on CPython, in the supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .eg915u_card import READY, Card
from .eg915u_gnss import Gnss
from .eg915u_mux import LINES, Line, Mux
from .eg915u_sleep import Sleep

if TYPE_CHECKING:
    from collections.abc import Callable

# States
OFF = 0
STARTING = 1
COMMAND = 2
DATA = 3  # dialled: bytes on one line are PPP; "+++" or DTR leads back

KEY_MS = 2000  # PWRKEY held this long turns the modem on or off
_LINE_MAX = 256
_OK = "OK"
_ERROR = "ERROR"
_NO_CARRIER = "NO CARRIER"
_HOME, _SEARCHING = 1, 2  # TS 27.007 10.1.22, <stat>
_WITH_CELL = 2  # likewise, <n>
_AREA = 0x2B67
_OPERATOR = {0: '"Simulated"', 2: '"26003"'}  # MCC of Poland; TS 27.007 7.3
_NO_SIGNAL = 99  # TS 27.007 8.5, <rssi>


class EG915U:
    """The world sets the first attributes; the two times are short so that tests are."""

    def __init__(
        self,
        after: Callable[[float, Callable[[], None]], None],
        utc: Callable[[], tuple[int, int, int, int, int, int]],
    ) -> None:
        self.signal_dbm = -77
        self.covered = True  # a network is in reach
        self.lte = True  # else it is GSM
        self.sim: str | int = READY  # the card in its holder
        self.start_ms = 100  # about 10 s in the real part
        self.register_ms = 10  # seconds to minutes in the real part
        self.cell = 0x0A1B2C  # identity of the cell that it is in
        self.to_host: Callable[[bytes], None] | None = None  # the serial port
        self.on_change: Callable[[], None] | None = None  # told of every change of `state`
        self.on_ppp: Callable[[], None] | None = None  # told of a frame that it has heard
        self.state = OFF
        self._after = after  # calls a function so many ms later
        self._utc = utc  # true year, month, day, hour, minute, second
        self._starts = 0  # counts starts and stops, so that alarms of an earlier one are void
        self._keys = 0  # counts changes of PWRKEY, likewise
        self.gnss = Gnss(after, utc)
        self.sleep = Sleep(after)
        self.edrx = ""  # the cycle that it asks the network for, as in TS 24.008, 10.5.5.32
        self.apn = ""  # that was asked for, in capitals
        self._dtr = False
        self._dtr_ends_call = True  # AT&D2
        self._registered = False
        self.card = Card()
        self._operator_form = 0  # 2: its number
        # AT+CEREG=1: changes of the registration are told; 2: with the cell
        self._reports = {"+CEREG": 0, "+CGREG": 0, "+CREG": 0}
        self._lines: list[Line] = []
        self._typing = Line(0)  # where the command came from that is being obeyed
        self._call: Line | None = None  # with a data call
        self._mux: Mux | None = None
        self._forget()

    def set(self, **world: float | str) -> None:
        """Change signal_dbm, covered, lte, sim, cell, start_ms or register_ms."""
        for name, value in world.items():
            if not hasattr(self, name):
                raise AttributeError(f"the modem's world has no {name!r}")
            setattr(self, name, value)
        if self.state >= COMMAND:
            self.card.change(self.sim)
            self._look_around()

    def power_on(self) -> None:
        """The supply is there (the board's RC then presses PWRKEY) or PWRKEY was pressed."""
        self._starts += 1
        self._forget()
        self._change(STARTING)
        self._later(self.start_ms, self._ready)

    def power_off(self) -> None:
        """The supply is gone."""
        self._starts += 1
        self._forget()
        self._change(OFF)

    def power_key(self, pressed: bool) -> None:
        """PWRKEY, which the board pulls low while `pressed`."""
        self._keys += 1
        press = self._keys

        def held() -> None:
            if self._keys == press:
                self._toggle()

        if pressed:
            self._after(KEY_MS, held)

    def data_terminal_ready(self, on: bool) -> None:
        """DTR: letting go of it ends a call (AT&D2), and lets it sleep (AT+QSCLK=1)."""
        if self._dtr and not on and self._dtr_ends_call:
            self.hang_up()
        self._dtr = on
        self.sleep.hold(on)

    def hang_up(self) -> None:
        """End the data call, as the network, the band or DTR does it."""
        if self._call:
            line, self._call = self._call, None
            line.online = False
            self._change(COMMAND)
            self._say(_NO_CARRIER, line)

    def from_host(self, data: bytes) -> None:
        """Bytes from the serial port."""
        if not self.sleep.hears:
            self.sleep.lost += len(data)
        elif self._mux:
            self._mux.from_host(data)
        elif self.state >= COMMAND:
            self._type(self._lines[0], data)

    def say_ppp(self, frame: bytes) -> None:
        """To the host, on the line of the data call."""
        if self._call:
            self._send(self._call, frame)

    def _type(self, line: Line, data: bytes) -> None:
        if line.online:
            if self.on_ppp:
                self.on_ppp()
            if data == b"+++":
                line.online = False
                self._change(COMMAND)
                self._say(_OK, line)
            return
        if line.echo:
            self._send(line, data)
        *words, line.typed = (line.typed + data.replace(b"\n", b"")).split(b"\r")
        line.typed = line.typed[-_LINE_MAX:]
        for word in words:
            self._obey(line, word.decode(errors="replace").strip().upper())

    def _forget(self) -> None:
        self._registered = False
        self._dtr_ends_call = True
        self.edrx = ""
        self._operator_form = 0
        self._reports = dict.fromkeys(self._reports, 0)
        self._lines = [Line(0)]
        self._call = self._mux = None
        self.gnss.power_off()
        self.sleep.power_off()

    def _later(self, ms: float, function: Callable[[], None]) -> None:
        start = self._starts

        def unless_restarted() -> None:
            if self._starts == start:
                function()

        self._after(ms, unless_restarted)

    def _change(self, state: int) -> None:
        self.state = state
        if self.on_change:
            self.on_change()

    def _toggle(self) -> None:
        if self.state == OFF:
            self.power_on()
        else:
            self.hang_up()
            self._say("POWERED DOWN")
            self.power_off()

    def _ready(self) -> None:
        self.card.start(self.sim)
        self._change(COMMAND)
        self._say("RDY")
        self._look_around()

    def _look_around(self) -> None:
        if self._is_served():
            self._later(self.register_ms, lambda: self._register(self._is_served()))
        else:
            self._register(False)

    def _is_served(self) -> bool:
        return self.covered and self.card.is_ready

    def _register(self, registered: bool) -> None:
        if registered != self._registered:
            self._registered = registered
            for kind, reports in self._reports.items():
                if reports:
                    self._say(f"{kind}: {self._status(kind)}{self._cell(kind)}")
            if not registered:
                self.hang_up()

    def _say(self, text: str, line: Line | None = None) -> None:
        """To the line that is meant; what nobody asked for goes to the first."""
        self._send(line or self._lines[1 if self._mux else 0], f"\r\n{text}\r\n".encode())

    def _send(self, line: Line, data: bytes) -> None:
        self.sleep.ring()
        if self._mux:
            self._mux.send(line.number, data)
        elif self.to_host:
            self.to_host(data)

    # --- lines that share the port ---

    def _share(self) -> None:
        if self.to_host:
            self._lines = [Line(number) for number in range(LINES + 1)]
            self._mux = Mux(self.to_host, self._said, self._closed, self._unshare)

    def _said(self, number: int, data: bytes) -> None:
        self._type(self._lines[number], data)

    def _closed(self, number: int) -> None:
        """A line that is closed ends its call."""
        if self._call is self._lines[number]:
            self.hang_up()
        self._lines[number] = Line(number)

    def _unshare(self) -> None:
        self.hang_up()
        self._mux = None
        self._lines = [Line(0)]

    # --- AT commands ---

    def _obey(self, line: Line, word: str) -> None:
        if not word.startswith("AT"):
            return
        self._typing = line
        command = word[2:]
        answer = _EXACT.get(command)
        if answer is None:
            answer = next((does for start, does in _STARTS if command.startswith(start)), _ERROR)
        text = answer if isinstance(answer, str) else answer(self, command)
        if "&D" in command:
            self._dtr_ends_call = command.partition("&D")[2][:1] == "2"
        for part in text.split("\n"):
            self._say(part, line)
        if command.startswith("+QSCLK=") and text == _OK:
            self.sleep.allow(command.endswith("=1"))
        if text == "CONNECT":
            line.online = True
            self._change(DATA)
        elif command.startswith("+CMUX=0") and text == _OK:
            self._share()

    def _dial(self, _command: str) -> str:
        self._call = self._typing if self._registered else None
        return "CONNECT" if self._call else _NO_CARRIER

    def _go_online(self, _command: str) -> str:
        return "CONNECT" if self._call is self._typing else _NO_CARRIER

    def _end_call(self, _command: str) -> str:
        self.hang_up()
        return _OK

    def _restart(self) -> None:
        self.hang_up()
        self.power_off()
        self.power_on()

    def _turn_off(self, _command: str) -> str:
        self._later(0, self._toggle)
        return _OK

    def _set_function(self, command: str) -> str:
        if command == "+CFUN=1,1":
            self._later(0, self._restart)
            return _OK
        self._register(False)
        if command.startswith("+CFUN=1"):
            self._look_around()
        return _OK

    def _set_echo(self, command: str) -> str:
        self._typing.echo = not command.startswith("E0")  # more may follow, as in ATE0&D2
        return _OK

    def _set_reports(self, command: str) -> str:
        kind, _, reports = command.partition("=")
        self._reports[kind] = int(reports) if reports in ("0", "1", "2") else 0
        return _OK

    def _signal(self, _command: str) -> str:
        rssi = min(31, max(0, (self.signal_dbm + 113) // 2))  # 2 dB a step
        return f"+CSQ: {rssi if self._registered else _NO_SIGNAL},99\nOK"

    def _registration(self, command: str) -> str:
        kind = command[:-1]
        return f"{kind}: {self._reports[kind]},{self._status(kind)}{self._cell(kind)}\nOK"

    def _status(self, kind: str) -> int:
        """With this kind of network: +CEREG is LTE, +CGREG is GSM, +CREG either."""
        of_that_kind = kind == "+CREG" or (kind == "+CEREG") == self.lte
        return _HOME if self._registered and of_that_kind else _SEARCHING

    def _cell(self, kind: str) -> str:
        """TS 27.007 10.1.22: area, cell identity, access technology 7 = E-UTRAN, 0 = GSM."""
        if self._reports[kind] != _WITH_CELL or self._status(kind) != _HOME:
            return ""
        if self.lte:
            return f',"{_AREA:04X}","{int(self.cell):08X}",7'
        return f',"{_AREA:04X}","{int(self.cell) & 0xFFFF:04X}",0'

    def _operator(self, _command: str) -> str:
        technology = 7 if self.lte else 0
        return f"+COPS: 0,{self._operator_form},{_OPERATOR[self._operator_form]},{technology}\nOK"

    def _set_operator(self, command: str) -> str:
        if command.startswith("+COPS=3,"):
            self._operator_form = 2 if command.endswith("2") else 0
        return _OK

    def _multiplex(self, _command: str) -> str:
        return _ERROR if self._mux else _OK

    def _set_context(self, command: str) -> str:
        """TS 27.007, 10.1.1: <cid>, <PDP_type>, <APN>."""
        fields = command.partition("=")[2].split(",")
        self.apn = fields[2].strip('"') if len(fields) > 2 else ""
        return _OK

    def _set_edrx(self, command: str) -> str:
        """TS 27.007, 7.40: <mode>, <AcT-type> 4 = E-UTRAN, <Requested_eDRX_value>."""
        mode, *rest = command.partition("=")[2].split(",")
        if mode not in ("0", "1") or (mode == "1" and rest[:1] != ["4"]):
            return _ERROR
        self.edrx = rest[1].strip('"') if mode == "1" and len(rest) > 1 else ""
        return _OK

    def _attached(self, _command: str) -> str:
        return f"+CGATT: {int(self._registered)}\nOK"

    def _clock(self, _command: str) -> str:
        year, month, day, hour, minute, second = self._utc()
        date = f"{year % 100:02}/{month:02}/{day:02}"
        return f'+CCLK: "{date},{hour:02}:{minute:02}:{second:02}+00"\nOK'


_WITHOUT_EFFECT = (
    *("V", "Z", "&", "+CGATT=", "+CTZU=", "+IPR=", "+IFC="),
    *("+QCFG=", "+QURCCFG=", "+QICSGP="),
)
_EXACT: dict[str, str | Callable[[EG915U, str], str]] = {
    "": _OK,
    "I": "Quectel\nEG915U\nRevision: simulated\nOK",
    "O": EG915U._go_online,
    "+CPIN?": lambda modem, _: modem.card.say(),
    "+CSQ": EG915U._signal,
    "+CREG?": EG915U._registration,
    "+CGREG?": EG915U._registration,
    "+CEREG?": EG915U._registration,
    "+CGATT?": EG915U._attached,
    "+CGDCONT?": lambda modem, _: f'+CGDCONT: 1,"IP","{modem.apn}"\nOK',
    "+CCLK?": EG915U._clock,
    "+COPS?": EG915U._operator,
    "+CGSN": "860000000000002\nOK",
    "+QCCID": "+QCCID: 8948000000000000005\nOK",
}
_STARTS: tuple[tuple[str, str | Callable[[EG915U, str], str]], ...] = (
    ("D*99", EG915U._dial),
    ("+CMUX=0", EG915U._multiplex),
    ("+QGPS", lambda modem, command: modem.gnss.obey(command)),
    ("E", EG915U._set_echo),
    ("H", EG915U._end_call),
    ("+CEREG=", EG915U._set_reports),
    ("+CGREG=", EG915U._set_reports),
    ("+CREG=", EG915U._set_reports),
    ("+CFUN=", EG915U._set_function),
    ("+QPOWD", EG915U._turn_off),
    ("+QSCLK=", lambda _, command: _OK if command[7:] in ("0", "1") else _ERROR),
    ("+CEDRXS=", EG915U._set_edrx),
    ("+CGDCONT=", EG915U._set_context),
    ("+CPSMS=0", _OK),  # and it knows no other
    ("+COPS=", EG915U._set_operator),
    ("+CMEE=", lambda modem, command: modem.card.tell_errors(command)),
    *((start, _OK) for start in _WITHOUT_EFFECT),
)
