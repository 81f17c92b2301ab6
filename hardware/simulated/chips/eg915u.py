# SPDX-License-Identifier: Apache-2.0
# Quectel EG915U class LTE modem on its serial port: 3GPP TS 27.007 commands and dialling into data
# mode. What PPP carries there is network.py's affair. Runs on CPython too.

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# States
OFF = 0
STARTING = 1
COMMAND = 2
DATA = 3  # dialled: bytes are PPP; "+++" or DTR leads back

_KEY_MS = 2000  # PWRKEY held this long turns the modem on or off
_NO_CARRIER = "NO CARRIER"
_TAKEN = (  # commands that are answered OK whatever follows, and change nothing here
    "V Z & +CGDCONT= +CMEE= +CREG= +CGREG= +CGATT= +CTZU= +COPS= +IPR= +IFC= +ICF= +QCFG= "
    "+QURCCFG= +QICSGP="
)
_FIXED = {
    "I": "Quectel\nEG915U\nRevision: simulated",
    "+CGSN": "860000000000002",
    "+COPS?": '+COPS: 0,0,"Simulated",7',
    "+QCCID": "+QCCID: 8948000000000000005",
}


class EG915U:
    # The world around the modem; the two times are short so that tests are.
    signal_dbm = -77
    covered = True  # a network is in reach
    sim = True
    start_ms = 100  # about 10 s in the real part
    register_ms = 10  # seconds to minutes in the real part

    to_host: "Any" = None  # function(bytes), set by the serial port
    on_change: "Any" = None  # function(), told of every change of `state`
    state = OFF
    _start = 0  # counts starts and stops, so that alarms of an earlier one are void
    _key = 0  # counts changes of PWRKEY, likewise

    def __init__(self, after, utc):
        self._after = after  # function(ms, function): calls it then
        self._utc = utc  # function(): true (year, month, day, hour, minute, second)
        self._forget()

    def set(self, **settings):
        """Change the world: signal_dbm, covered, sim, start_ms, register_ms."""
        for name, value in settings.items():
            setattr(self, name, value)
        if self.state >= COMMAND:
            self._look_around()

    def power_on(self):
        """The supply is there (the board's RC then presses PWRKEY) or PWRKEY was pressed."""
        self._forget()
        self._change(STARTING)
        self._later(self.start_ms, self._ready)

    def power_key(self, pressed):
        """PWRKEY, which the board pulls low while `pressed`."""
        self._key += 1
        press = self._key
        if pressed:
            self._after(_KEY_MS, lambda: self._key == press and self._toggle())

    def data_terminal_ready(self, on):
        """DTR: letting go of it ends a call (AT&D2)."""
        if self._dtr and not on:
            self.hang_up()
        self._dtr = on

    def hang_up(self):
        """End the data call, as the network, the band or DTR does it."""
        if self._call:
            self._call = False
            self._change(COMMAND)
            self._say(_NO_CARRIER)

    def kept(self):
        """What the modem knows while the processor is reset."""
        return [self.state, self._call, self._dtr, self._registered]

    def resume(self, kept):
        """The processor was reset while the modem stayed on; its pin has let go of DTR."""
        self.state, self._call, self._dtr, self._registered = kept
        if self.state == STARTING:
            self._later(self.start_ms, self._ready)
        self.data_terminal_ready(False)

    def from_host(self, data):
        """Bytes from the serial port."""
        if self.state == DATA and data == b"+++":
            self._change(COMMAND)
            self._say("OK")
        elif self.state == COMMAND:
            if self._echo and self.to_host:
                self.to_host(data)
            self._typed = (self._typed + data.replace(b"\n", b""))[-256:]
            while b"\r" in self._typed:
                line, self._typed = self._typed.split(b"\r", 1)
                line = line.decode().strip().upper()
                if line.startswith("AT"):
                    for part in self._answer(line[2:]).split("\n"):
                        self._say(part)

    def _forget(self):
        self._typed = b""
        self._echo = True
        self._dtr = self._call = self._registered = False
        self._report = 0  # AT+CEREG=n: 1 tells changes

    def _later(self, ms, function):
        start = self._start
        self._after(ms, lambda: self._start == start and function())

    def _change(self, state):
        self.state = state
        if self.on_change:
            self.on_change()

    def _toggle(self):
        self._start += 1
        if self.state == OFF:
            self.power_on()
        else:
            self.hang_up()
            self._say("POWERED DOWN")
            self._change(OFF)

    def _ready(self):
        self._change(COMMAND)
        self._say("RDY")
        self._look_around()

    def _look_around(self):
        if self.covered and self.sim:
            self._later(self.register_ms, lambda: self._register(self.covered and self.sim))
        else:
            self._register(False)

    def _register(self, registered):
        if registered != self._registered:
            self._registered = registered
            if self._report:
                self._say("+CEREG: %d" % (1 if registered else 2))
            if not registered:
                self.hang_up()

    def _say(self, text):
        if self.to_host:
            self.to_host(b"\r\n" + text.encode() + b"\r\n")

    def _answer(self, command):
        starts = command.startswith
        if starts("D*99") or (command == "O" and self._call):
            return self._dial()
        if starts("E"):
            self._echo = command[1:2] != "0"  # more may follow, as in ATE0&D2
        elif starts("H"):
            self.hang_up()
        elif starts("+QPOWD"):
            self._later(0, self._toggle)
        elif starts("+CFUN="):
            self._register(False)
            if starts("+CFUN=1"):
                self._look_around()
        elif starts("+CEREG="):
            self._report = int(command[7:])
        elif command and not any(starts(taken) for taken in _TAKEN.split()):
            return self._tell(command)
        return "OK"

    def _dial(self):
        if not self._registered:
            return _NO_CARRIER
        self._call = True
        self._later(0, lambda: self._change(DATA))  # once CONNECT has gone out
        return "CONNECT"

    def _tell(self, question):
        answer = _FIXED.get(question)
        if answer:
            return answer + "\nOK"
        if question == "+CPIN?":
            if not self.sim:
                return "+CME ERROR: 10"
            answer = "READY"
        elif question.endswith("REG?"):
            answer = "%d,%d" % (self._report, 1 if self._registered else 2)  # home, or searching
        elif question == "+CSQ":
            rssi = min(31, max(0, (self.signal_dbm + 113) // 2))  # TS 27.007: 2 dB a step
            answer = "%d,99" % (rssi if self._registered else 99)
        elif question == "+CGATT?":
            answer = "%d" % self._registered
        elif question == "+CCLK?":
            y, month, d, h, m, s = self._utc()
            answer = '"%02d/%02d/%02d,%02d:%02d:%02d+00"' % (y % 100, month, d, h, m, s)
        else:
            return "ERROR"
        return question.replace("?", "") + ": " + answer + "\nOK"
