# SPDX-License-Identifier: Apache-2.0
# MicroPython's `socket`: there is a network only while PPP is up, and every address leads to the
# proxy that stands for the radio path. MicroPython connects only to what getaddrinfo returned. A
# name's address comes over PPP, which is served between the main thread's steps: whoever asks for
# one there has none.

import _thread
import os

import control
import usocket
from usocket import AF_INET, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET  # noqa: F401

IPPROTO_TCP = 6
TCP_NODELAY = 1
_EHOSTUNREACH = 118  # lwIP's number
_EAI_FAIL = -202  # lwIP's number: the name could not be resolved
_SOMEWHERE = "192.0.2.1"  # RFC 5737

_main = _thread.get_ident()  # which is the first to need a socket


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    way = os.getenv("OPASKA_SIM_PROXY")
    if not control.online[0] or not way:
        raise OSError(_EAI_FAIL)
    if not host.replace(".", "").isdigit():
        if _thread.get_ident() == _main:
            raise OSError(_EAI_FAIL)
        return [(AF_INET, SOCK_STREAM, 0, "", (_SOMEWHERE, port))]
    host, port = way.rsplit(":", 1)
    return usocket.getaddrinfo(host, int(port), AF_INET, SOCK_STREAM)


def socket(af=AF_INET, type=SOCK_STREAM, proto=0):
    if not control.online[0]:
        raise OSError(_EHOSTUNREACH)
    return usocket.socket(af, type)
