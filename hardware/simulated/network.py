# SPDX-License-Identifier: Apache-2.0
# network.PPP with its names since MicroPython 1.26. It stands in for lwIP's PPP: it is up while
# the modem on its stream holds a data call, and then the sockets work.

import clock
import control
import power
from machine import HARD_RESET, UART
from micropython import const

_EALREADY = const(114)
_NEGOTIATE_MS = const(20)  # LCP and IPCP; about 1 s in the field
_GIVE_UP_MS = const(30_000)  # lwIP: ten LCP requests, 3 s apart

# States, as PPP.status() tells them
_INACTIVE = const(0)
_ACTIVE = const(1)
_ERROR = const(2)  # told as the negative PPPERR_ number
_CONNECTING = const(3)
_CONNECTED = const(4)

_PPPERR_CONNECT = const(6)  # connection lost
_PPPERR_PROTOCOL = const(8)  # nobody answered

_FRAME = const(b"~\x21~")  # whatever is sent: its bytes are not simulated

_call = False  # the modem is in data mode
_panics = False  # PPP over a stream written in Python ends the processor (micropython#16701)
_up = None  # the PPP that carries the sockets


class PPP:
    SEC_NONE = 0
    SEC_PAP = 1
    SEC_CHAP = 2

    def __init__(self, stream):
        self._stream = stream
        self._state = _INACTIVE
        self._alarm = None

    def connect(self, *, security=SEC_NONE, user=None, key=None):
        if self._state >= _CONNECTING:
            raise OSError(_EALREADY)
        if not 0 <= security <= self.SEC_CHAP:
            raise ValueError("invalid auth")
        self._stream.irq(self.poll, self._stream.IRQ_RXIDLE)
        if _panics and not isinstance(self._stream, UART):
            power.end({"reset": HARD_RESET})
        self._state = _CONNECTING
        self._alarm = clock.after(_NEGOTIATE_MS, self._negotiated)

    def disconnect(self):
        if self._state >= _CONNECTING:
            self._down(0)
            control.send({"hang_up": True})

    def isconnected(self):
        return self._state == _CONNECTED

    def config(self, *, stream):
        if self._stream:
            self._stream.irq(None)
        self._stream = stream

    def status(self):
        return -self._error if self._state == _ERROR else self._state

    def poll(self, stream=None):
        while self._state >= _CONNECTING and self._stream and self._stream.any():
            self._stream.read()
        return 0

    def ipconfig(self, name):
        if name != "addr4":
            raise ValueError("unknown config param")
        address = "10.64.0.2" if self.isconnected() else "0.0.0.0"  # noqa: S104 - as lwIP says it
        return (address, "255.255.255.255")

    def _negotiated(self):
        global _up
        if not _call:
            self._alarm = clock.after(_GIVE_UP_MS, self._unanswered)
            return
        self._state = _CONNECTED
        _up = self
        control.online[0] = 1
        control.send({"t": clock.now(), "ppp": True})

    def _unanswered(self):
        self._down(_PPPERR_PROTOCOL)

    def _transmit(self):
        if self._stream:
            self._stream.write(_FRAME)

    def _down(self, error):
        global _up
        clock.cancel(self._alarm)
        self._error = error
        self._state = _ERROR if error else _ACTIVE
        if _up is self:
            _up = None
            control.online[0] = 0
            control.send({"t": clock.now(), "ppp": False})


def _obey(name, value):
    global _call, _panics
    if name == "ppp_panics":
        _panics = value
        return True
    if name == "transmit":
        if _up:  # beside what is under way, as lwIP's own thread does
            clock.after(0, _up._transmit)
        return True
    if name != "call":
        return False
    _call = value
    if _up and not value:
        _up._down(_PPPERR_CONNECT)
    return True


control.add(_obey)
