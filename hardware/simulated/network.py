# SPDX-License-Identifier: Apache-2.0
# network.PPP with its names since MicroPython 1.26. It stands in for lwIP's PPP: it is up while
# the modem on its stream holds a data call, and then the sockets work.

import clock
import control
import wiring
from chips.eg915u import DATA

_EALREADY = 114
_NEGOTIATE_MS = 20  # LCP and IPCP; about 1 s in the field
_GIVE_UP_MS = 30_000  # lwIP: ten LCP requests, 3 s apart

# States, as PPP.status() tells them
_INACTIVE = 0
_ACTIVE = 1
_ERROR = 2  # told as the negative PPPERR_ number
_CONNECTING = 3
_CONNECTED = 4

_PPPERR_CONNECT = 6  # connection lost
_PPPERR_PROTOCOL = 8  # nobody answered


class PPP:
    SEC_NONE = 0
    SEC_PAP = 1
    SEC_CHAP = 2

    def __init__(self, stream):
        self._stream = stream
        self._state = _INACTIVE
        self._error = 0
        self._alarm = None

    def active(self, on=None):
        return self._state != _INACTIVE

    def connect(self, *, security=SEC_NONE, user=None, key=None):
        if self._state >= _CONNECTING:
            raise OSError(_EALREADY)
        if security not in (self.SEC_NONE, self.SEC_PAP, self.SEC_CHAP):
            raise ValueError("invalid auth")
        self._stream.irq(self.poll, self._stream.IRQ_RXIDLE)
        self._state = _CONNECTING
        self._alarm = clock.after(_NEGOTIATE_MS, self._negotiated)

    def disconnect(self):
        if self._state >= _CONNECTING:
            self._down(0)
            modem = self._stream.chip
            if modem:
                modem.hang_up()

    def isconnected(self):
        return self._state == _CONNECTED

    def status(self):
        return -self._error if self._state == _ERROR else self._state

    def poll(self, stream=None):
        return 0

    def config(self, name=None, **settings):
        if name not in (None, "stream"):
            raise ValueError("unknown config param")
        self._stream = settings.get("stream", self._stream)
        return self._stream

    def ifconfig(self, addresses=None):
        address = "10.64.0.2" if self.isconnected() else "0.0.0.0"  # noqa: S104 - as lwIP says it
        return (address, "255.255.255.255", "10.64.0.1", "10.64.0.1")

    def ipconfig(self, name=None, **settings):
        if name == "addr4":
            return self.ifconfig()[:2]
        if name == "gw4":
            return self.ifconfig()[2]
        return None

    def _has_call(self):
        return self._stream.chip is wiring.modem and wiring.modem.state == DATA

    def _negotiated(self):
        if not self._has_call():
            self._alarm = clock.after(_GIVE_UP_MS, lambda: self._down(_PPPERR_PROTOCOL))
            return
        self._state = _CONNECTED
        wiring.online = True
        wiring.on_hang_up = lambda: self._down(_PPPERR_CONNECT)
        control.send({"t": clock.now(), "ppp": True})

    def _down(self, error):
        if self._alarm:
            clock.cancel(self._alarm)
        wiring.on_hang_up = None
        self._error = error
        self._state = _ERROR if error else _ACTIVE
        if wiring.online:
            wiring.online = False
            control.send({"t": clock.now(), "ppp": False})
