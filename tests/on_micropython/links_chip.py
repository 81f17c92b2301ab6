# SPDX-License-Identifier: Apache-2.0
# The few things that a modem does before PPP, with its serial port and pins in memory. The
# simulated board has the better one; this one can also be made to misbehave.

import asyncio

from opaska_band.drivers.cmux import Cmux

OFF, COMMAND, DATA = 0, 1, 2
_SABM, _UA, _DM, _DISC, _UIH, _CLD = 0x3F, 0x73, 0x1F, 0x53, 0xEF, 0xC3
TERM = b"~\xff}#\xc0!"  # a link's end, as PPP says it (RFC 1661, 5.5), up to its number
_KEY_MS = 2_000  # PWRKEY is low for at least so long


class Chip:
    def __init__(self, on=True):
        self.state = COMMAND if on else OFF
        self.covered = self.sim = True
        self.lte = True  # else the network is GSM
        self.is_stuck = False  # until it restarts it finds no network
        self.rssi = 11
        self.apn = self.taken_apn = ""  # it is told, and has attached to the network with
        self.restarts = 0
        self.after_connect = b""  # bytes of PPP that come at once
        self.received = bytearray()  # by the band
        self._echo = True
        self._hangs_up_by_dtr = False
        self._typed = b""
        self._pressed = None  # task of a pressed PWRKEY
        self.power_key = Pin(self._key)
        self.dtr = Pin(self._dtr)

    # --- the serial port ---

    def write(self, data):
        if self.state == DATA and data == b"+++":
            self.state = COMMAND
            self._say("OK")
        elif self.state == DATA and data == TERM:
            self.hang_up()
        elif self.state == COMMAND:
            if self._echo:
                self.received.extend(data)
            self._typed += data
            while b"\r" in self._typed:
                line, self._typed = self._typed.split(b"\r", 1)
                if line.startswith(b"AT"):
                    self._obey(line.decode())

    def any(self):
        return len(self.received)

    def read(self, count):
        data = bytes(self.received[:count])
        self.received[:] = self.received[count:]
        return data

    def hang_up(self):
        if self.state == DATA:
            self.state = COMMAND
            self._say("NO CARRIER")

    # --- inside ---

    def _say(self, *lines):
        for line in lines:
            self.received.extend(("\r\n" + line + "\r\n").encode())

    def _obey(self, line):
        if line == "AT+CPIN?":
            self._say(*(("+CPIN: READY", "OK") if self.sim else ("+CME ERROR: 10",)))
        elif line in ("AT+CEREG?", "AT+CGREG?"):
            is_there = self.covered and not self.is_stuck and self.lte == (line == "AT+CEREG?")
            self._say("%s: 0,%d" % (line[2:-1], 1 if is_there else 2), "OK")
        elif line == "AT+CSQ":
            self._say("+CSQ: %d,99" % self.rssi, "OK")
        elif line == "ATD*99***1#":
            if self.covered:
                self._say("CONNECT")
                self.received.extend(self.after_connect)
                self.state = DATA
            else:
                self._say("NO CARRIER")
        elif line == "ATE0&D2":
            self._echo = False
            self._hangs_up_by_dtr = True
            self._say("OK")
        elif line == "AT+CFUN=1,1":
            self._say("OK")
            self.restart()
        elif line.startswith("AT+CGDCONT"):
            self._context(line)
        elif line in ("AT", "ATH"):
            self._say("OK")
        else:
            self._say("ERROR")

    def _context(self, line):
        if line.endswith("?"):
            self._say('+CGDCONT: 1,"IP","%s","0.0.0.0",0,0' % self.apn)
        else:
            self.apn = line.split('"')[3]
        self._say("OK")

    def restart(self):
        """By itself, as after a fault inside: it says so."""
        self.state, self._echo, self.is_stuck = COMMAND, True, False
        self.taken_apn = self.apn  # TS 23.401, 5.3.2.1: asked for when it attaches
        self.restarts += 1
        self._hangs_up_by_dtr = False
        self._say("RDY")

    def _dtr(self, value):
        if value and self._hangs_up_by_dtr:
            self.hang_up()

    def _key(self, value):
        if value:
            self._pressed = asyncio.create_task(self._toggle())
        else:
            self._pressed.cancel()

    async def _toggle(self):
        await asyncio.sleep_ms(_KEY_MS)
        self.state = OFF if self.state else COMMAND
        self._echo = True
        self._hangs_up_by_dtr = False


class SharingChip(Chip):
    """One that knows AT+CMUX and whose port calls a handler when bytes have come."""

    IRQ_RXIDLE = 4096

    def __init__(self):
        super().__init__()
        self.side = None  # the modem's side of CMUX, while it shares its port
        self.shut = ()  # numbers of the lines that it does not open
        self.deaf = ()  # and of those on which it hears nothing
        self.is_hoarse = False  # its yes to AT+CMUX is lost
        self.call = None  # number of the line with a data call; 0: the bare port
        self._handler = None
        self._speaks_on = 0

    def irq(self, handler=None, trigger=0):
        self._handler = handler

    @property
    def is_heard(self):
        return self._handler is not None

    def write(self, data):
        if self.side:
            self.side.uart.received += data
            self.side.pump()
        else:
            super().write(data)
        self._ring()
        return len(data)

    def hang_up(self):
        if self.state == DATA:
            self._speaks_on = self.call
            super().hang_up()
            self._speaks_on = 0
            self._ring()

    def restart(self):
        self.side = self.call = None
        self._speaks_on = 0  # the bare port
        super().restart()
        self._ring()

    async def _toggle(self):
        await super()._toggle()
        self.side = self.call = None

    def close(self, line):
        """It ends a line by itself."""
        self.hang_up()
        self.side.send(line, _DISC)
        self._ring()

    def on_line(self, line, data):
        if line in self.deaf:
            return
        self._speaks_on = line
        if self.call == line and data == TERM:
            self.hang_up()
        if self.state != DATA or self.call != line:
            for word in data.split(b"\r")[:-1]:
                self._obey(word.decode())
        self._speaks_on = 0

    def _obey(self, line):
        if line.startswith("AT+CMUX"):
            if not self.is_hoarse:
                self._say("OK")
            self.side = _Side(self)
        elif line in ("ATE0", "AT+QGPS?"):
            self._say("OK")
        else:
            super()._obey(line)
            if line.startswith("ATD"):
                self.call = self._speaks_on

    def _say(self, *lines):
        if not self._speaks_on:
            super()._say(*lines)
            return
        for line in lines:
            self.side.send(self._speaks_on, _UIH, ("\r\n" + line + "\r\n").encode())

    def _ring(self):
        if self._handler and self.received:
            self._handler(self)


class SleepyChip(SharingChip):
    """One that also knows AT+QSCLK, and rings."""

    def __init__(self):
        super().__init__()
        self.asleep = False
        self.is_cut = False  # the wire of DTR
        self.lost = b""  # said to it in its sleep
        self.ring = Ring()
        self._may_sleep = False

    def write(self, data):
        if not self.asleep:
            return super().write(data)
        self.lost += data
        return len(data)

    def _obey(self, line):
        if line == "AT&D0":
            self._hangs_up_by_dtr = False
            self._say("OK")
        elif line == "AT+QSCLK=1":
            self._may_sleep = True
            self._say("OK")
        else:
            super()._obey(line)

    def _dtr(self, value):
        super()._dtr(value)
        self.asleep = bool((value or self.is_cut) and self._may_sleep)

    def restart(self):
        self.asleep = self._may_sleep = False
        super().restart()

    async def _toggle(self):
        await super()._toggle()
        self.asleep = self._may_sleep = False


class Ring:
    """A pin that only falls."""

    IRQ_FALLING = 2

    def irq(self, handler, trigger):
        self.fall = lambda: handler(self)


class _Side(Cmux):
    def __init__(self, chip):
        super().__init__(_Wire(chip), 4)
        self._chip = chip
        self._opened = set()

    def _heard(self, line, control, data):
        chip = self._chip
        if control | 0x10 == _SABM and line not in chip.shut:
            self._opened.add(line)
            self.send(line, _UA)
        elif line not in self._opened:
            self.send(line, _DM)
        elif control == _UIH and line:
            chip.on_line(line, data)
        elif data[:1] == bytes((_CLD,)) and 0 not in chip.deaf:
            chip.hang_up()
            chip.side = None


class _Wire:
    """From the band; and back."""

    IRQ_RXIDLE = 0

    def __init__(self, chip):
        self.received = bytearray()
        self._chip = chip

    def any(self):
        return len(self.received)

    def read(self, count):
        data = bytes(self.received[:count])
        self.received[:] = self.received[count:]
        return data

    def write(self, data):
        self._chip.received.extend(data)


class Pin:
    def __init__(self, set_):
        self.value = set_
