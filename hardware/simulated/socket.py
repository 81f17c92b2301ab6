# SPDX-License-Identifier: Apache-2.0
# MicroPython's `socket`: there is a network only while PPP is up, and every name leads to the
# proxy that stands for the radio path. MicroPython connects only to what getaddrinfo returned.

import os

import control
import usocket
from usocket import AF_INET, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET  # noqa: F401

IPPROTO_TCP = 6
TCP_NODELAY = 1
_EHOSTUNREACH = 118  # lwIP's number
_EAI_FAIL = -202  # lwIP's number: the name could not be resolved


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    way = os.getenv("OPASKA_SIM_PROXY")
    if not control.online or not way:
        raise OSError(_EAI_FAIL)
    host, port = way.rsplit(":", 1)
    return usocket.getaddrinfo(host, int(port), AF_INET, SOCK_STREAM)


def socket(af=AF_INET, type=SOCK_STREAM, proto=0):
    if not control.online:
        raise OSError(_EHOSTUNREACH)
    return usocket.socket(af, type)
