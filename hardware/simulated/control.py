# SPDX-License-Identifier: Apache-2.0
# The line to whoever holds the board: a person, a test, the clock service. One JSON value a line;
# to the board {"command": value} or [now_ms, token], from it {"event": ...} or [wake_ms, token].
# It is read while the firmware waits or sleeps, as an interrupt would find it.

import json
import os
import sys

import power
import uselect
import usocket

online = bytearray(1)  # 1: PPP is up, the sockets have a way out
link = None  # the open socket, or None when nobody holds the board
on_time = []  # function(now_ms, token), of clock.py
_buffer = bytearray(512)
_fill = 0  # bytes of _buffer that wait for the rest of their line
_parts = []  # functions(name, value) that carry out commands; True: it was theirs
_asker = uselect.poll()
_asking = False  # a question is under way
_answer = None
_early = list(power.START.get("commands", {}).items())  # (name, value) without a part yet


def add(part):
    """From now on `part(name, value)` carries out its commands, also those that came before."""
    _parts.append(part)
    for command in _early[:]:
        _early.remove(command)
        _carry_out(command)


def send(message):
    """Tell an event, if somebody listens."""
    if link:
        _write(json.dumps(message) + "\n")


def ask(question, value):
    """The answer of whoever holds the board, or None; everything stands still until it comes."""
    global _answer, _asking
    _answer = None
    _asking = link is not None
    send({"ask": question, "of": value})
    while _asking:
        _asker.poll()
        receive()
    return _answer


def report(wake_ms, token):
    """Virtual time: nothing to do before `wake_ms` (-1: for ever). A board that nobody holds is
    alone with its time, and goes there at once."""
    if link:
        _write("[%d,%d]\n" % (wake_ms, token))
    elif wake_ms < 0:
        raise RuntimeError("everybody waits for ever")
    else:
        on_time[0](wake_ms, token)


def receive():
    """Carry out everything that has come. The end of the line is the loss of power."""
    global _fill
    while True:
        count = link.readinto(memoryview(_buffer)[_fill:])
        if count is None:
            return
        if count == 0:
            power.cut()
        _fill += count
        start = 0
        while True:
            end = _buffer.find(b"\n", start, _fill)
            if end < 0:
                break
            if _buffer[start] == 91:  # "["
                _take_time(start + 1)
            else:
                for command in json.loads(bytes(_buffer[start:end])).items():
                    _carry_out(command)
            start = end + 1
        _buffer[: _fill - start] = _buffer[start:_fill]
        _fill -= start


def wait_for_the_end():
    """The board is off: wait for the supervisor to take it away."""
    if link:
        link.setblocking(True)
        while link.readinto(_buffer):
            pass


def _write(text):
    while text:
        text = text[link.write(text) or 0 :]


def _take_time(at):
    # Digits by hand: thousands of these lines come in a simulated day, and none leaves garbage.
    now_ms = value = 0
    while _buffer[at] != 93:  # "]"
        if _buffer[at] == 44:  # ","
            now_ms, value = value, 0
        else:
            value = 10 * value + _buffer[at] - 48
        at += 1
    on_time[0](now_ms, value)


def _carry_out(command):
    global _answer, _asking
    if command[0] == "poke":
        send({"alive": command[1]})
        return
    if command[0] == "answer":
        _answer = command[1]
        _asking = False
        return
    try:
        for part in _parts:
            if part(*command):
                return
        _early.append(command)
    except Exception as error:  # as in an interrupt: shown, and the firmware goes on
        sys.print_exception(error)


_address = os.getenv("OPASKA_SIM_CONTROL")
if _address:
    _host, _port = _address.rsplit(":", 1)
    link = usocket.socket()
    link.setsockopt(6, 1, 1)  # TCP_NODELAY
    link.connect(usocket.getaddrinfo(_host, int(_port))[0][-1])
    link.setblocking(False)
    _asker.register(link, uselect.POLLIN)
