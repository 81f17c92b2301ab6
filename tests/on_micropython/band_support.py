# SPDX-License-Identifier: Apache-2.0
# Shared by the band's scripts: small parts with behaviour.

import asyncio
import os

from opaska_band.clock import Uptime
from opaska_band.faults import Faults
from opaska_band.outbox import Outbox
from opaska_band.storage import Storage
from opaska_protocol import frame
from opaska_protocol.channel import BandChannel, GatewayChannel
from opaska_protocol.reports import decode_report

KID = b"opaska01"
KEY = bytes(range(16))
BOOT = 7


class Output:
    """A PWM output that remembers what it was told."""

    def __init__(self):
        self.duties = []
        self.tones = []
        self.broken = False

    def duty_u16(self, duty):
        if self.broken:
            raise OSError(5)
        self.duties.append(duty)

    def freq(self, hz):
        self.tones.append(hz)


class Board:
    """Outputs and NVS of a board, and the log of notes."""

    def __init__(self):
        self.notes = []
        self.motor = Output()
        self.buzzer = Output()
        self.led = [Output(), Output(), Output()]
        self.nvs = Nvs()

    def note(self, name):
        self.notes.append(name)


class Nvs:
    def __init__(self, **values):
        self.values = values
        self.read_only = False

    def get_i32(self, key):
        if not isinstance(self.values.get(key), int):
            raise OSError(-0x1102)
        return self.values[key]

    def get_blob(self, key, buffer):
        blob = self.values.get(key)
        if not isinstance(blob, bytes):
            raise OSError(-0x1102)
        buffer[: len(blob)] = blob
        return len(blob)

    def set_i32(self, key, value):
        if self.read_only:
            raise OSError(30)
        self.values[key] = value

    def commit(self):
        pass


def folder():
    """A Storage in the empty working folder of this test."""
    os.mkdir("state")
    return Storage("state")


def faults():
    return Faults(Uptime())


def codes(faults):
    """Codes of the faults that would be reported, in order."""
    return [code for code, _ in faults._queue]


def details(faults):
    return [detail for _, detail in faults._queue]


def channel(boot=BOOT, generation=1):
    return BandChannel(KID, generation, KEY, boot, b"saltsalt")


def gateway():
    return GatewayChannel(KID, 1, KEY, b"gwgwgwgw")


def outbox(storage, faults):
    return Outbox(storage, faults.note)


def waiting(outbox, letter, keys, type_):
    """Fields of the reports of this type among `keys` of the outbox."""
    found = []
    for key in keys:
        report = decode_report(gateway().open(*frame.parse_up(outbox.read(letter, *key))))
        if report.type == type_:
            found.append(report.fields)
    return found


async def settle(ms=0):
    """Let every task that can run do so."""
    await asyncio.sleep_ms(ms)
    for _ in range(5):
        await asyncio.sleep_ms(0)
