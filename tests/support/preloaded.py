# SPDX-License-Identifier: Apache-2.0
"""A Python that has imported the gateway and waits to be forked; nursery.py starts and asks it.

A child belongs to whoever asked: its parent here ends at once, and the asker adopts it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import opaska_gateway

MOST = 1 << 17  # bytes of a request
_PDEATHSIG = 1  # prctl(2)
# What the gateway imports when it opens its database and starts its broker.
_LATER = ("aiosqlite", "sqlalchemy.dialects.sqlite.aiosqlite", "amqtt.broker", "amqtt.client")
_NOT = ("__main__", "migrations", "postgres")


def main() -> None:
    """Serve requests on the socket that was inherited, until its other end is closed."""
    _preload()
    line = socket.socket(fileno=int(sys.argv[1]))
    line.send(b"ready")
    while True:
        request, (*out,), _, _ = socket.recv_fds(line, MOST, 1)
        if not request:
            return
        pid = _fork()
        if pid == 0:
            line.close()
            _become(json.loads(request), out[0])
            return
        os.close(out[0])
        line.send(b"%d" % pid)


def _preload() -> None:
    found = pkgutil.walk_packages(opaska_gateway.__path__, "opaska_gateway.")
    ours = [one.name for one in found if not any(word in one.name for word in _NOT)]
    for name in (*ours, *_LATER, "opaska_tools.cli"):
        importlib.import_module(name)
    assert threading.active_count() == 1, "what runs in a thread is not there after a fork"
    gc.collect()
    gc.freeze()  # these pages stay shared


def _fork() -> int:
    """The pid of a new process that our own parent has adopted; 0 in it."""
    reading, writing = os.pipe()
    between = os.fork()
    if between == 0:
        between, child = os.getpid(), os.fork()
        if child:
            os.write(writing, b"%d" % child)
            os._exit(0)
        while os.getppid() == between:
            time.sleep(0.001)
    else:
        os.waitpid(between, 0)
        child = int(os.read(reading, 16))
    os.close(reading)
    os.close(writing)
    return child


def _become(order: dict[str, Any], out: int) -> None:
    """This process is from now on the program that was ordered, as if just started."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(out)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    first, *words = order["command"]
    if Path(first).name == "opaska":
        sys.argv = [first, *words]
        importlib.import_module("opaska_tools.cli").main()
    elif words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main()
