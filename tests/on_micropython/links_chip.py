# SPDX-License-Identifier: Apache-2.0
# The few things that a modem does before PPP, with its serial port and pins in memory. The
# simulated board has the better one; this one can also be made to misbehave.

import asyncio

OFF, COMMAND, DATA = 0, 1, 2
_KEY_MS = 30  # of the 42 that the driver holds it, in its fast time


class Chip:
    def __init__(self, on=True):
        self.state = COMMAND if on else OFF
        self.covered = self.sim = True
        self.rssi = 11
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
        elif line == "AT+CEREG?":
            self._say("+CEREG: 0,%d" % (1 if self.covered else 2), "OK")
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
        elif line in ("AT", "ATH") or line.startswith('AT+CGDCONT=1,"IP","'):
            self._say("OK")
        else:
            self._say("ERROR")

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


class Pin:
    def __init__(self, set_):
        self.value = set_
