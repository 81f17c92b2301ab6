# SPDX-License-Identifier: Apache-2.0
# A broker at the other end of a wire in memory, for the tests of links/mqtt.py: it sees every
# write, and says only what the test tells it to say.

import asyncio
import time

from opaska_band.links.mqtt import MqttClient

TOPIC = b"up/6f7061736b613031/a"

CONNACK = b"\x20\x02\x00\x00"
CONNACK_KEPT = b"\x20\x02\x01\x00"  # the broker has kept our session


class Wire:
    """Reader and writer of one connection, and the broker's side of them."""

    def __init__(self, answer):
        self.writes = []  # what the client wrote, write by write
        self.opened_at = time.ticks_ms()
        self.closed_at = None  # by the client
        self.stuck = False  # the other side reads no more
        self._answer = answer  # function(wire, packet) called with every whole packet
        self._inbox = bytearray()
        self._ended = False
        self._news = asyncio.Event()

    # --- the broker's side ---

    def say(self, data):
        self._inbox.extend(data)
        self._news.set()

    def end(self):
        self._ended = True
        self._news.set()

    @property
    def packets(self):
        """(first byte, body) of everything the client wrote."""
        return split(b"".join(self.writes))

    def of(self, kind):
        return [packet for packet in self.packets if packet[0] & 0xF0 == kind]

    @property
    def publishes(self):
        """(dup, id, data) of every PUBLISH."""
        found = []
        for kind, body in self.of(0x30):
            end = 2 + (body[0] << 8 | body[1])
            assert body[2:end] == TOPIC
            assert kind & ~8 == 0x32
            found.append((kind & 8 != 0, body[end] << 8 | body[end + 1], body[end + 2 :]))
        return found

    @property
    def closed(self):
        return self.closed_at is not None

    @property
    def lasted_ms(self):
        return time.ticks_diff(self.closed_at, self.opened_at)

    # --- the client's side ---

    async def readexactly(self, count):
        while len(self._inbox) < count:
            if self._ended or self.closed:
                raise EOFError
            self._news.clear()
            await self._news.wait()
        data = bytes(self._inbox[:count])
        self._inbox = self._inbox[count:]
        return data

    def write(self, data):
        if self.closed:
            raise OSError(104)
        self.writes.append(bytes(data))
        for packet in [] if self.stuck else split(data):
            self._answer(self, packet)

    async def drain(self):
        await asyncio.sleep_ms(0)
        while self.stuck:
            await asyncio.Event().wait()

    def close(self):
        pass

    async def wait_closed(self):
        self.closed_at = time.ticks_ms()


class Broker:
    """Opens wires. By default a good broker that forgets sessions and confirms everything."""

    def __init__(self, answer=None, connack=CONNACK):
        self.wires = []
        self.connack = connack
        self.refuses = 0  # openings to refuse
        self._answer = answer or confirm

    async def open_stream(self):
        await asyncio.sleep_ms(0)
        if self.refuses:
            self.refuses -= 1
            raise OSError(111)
        wire = Wire(self._on_packet)
        self.wires.append(wire)
        return wire, wire

    @property
    def wire(self):
        return self.wires[-1]

    @property
    def pauses_ms(self):
        """Between one wire and the next."""
        wires = self.wires
        return [
            time.ticks_diff(wires[n + 1].opened_at, wires[n].closed_at)
            for n in range(len(wires) - 1)
        ]

    def _on_packet(self, wire, packet):
        if packet[0] == 0x10:
            wire.say(self.connack)
        else:
            self._answer(wire, packet)


def started(broker, **settings):
    """(client, task of its run)"""
    one = MqttClient(broker.open_stream, "band", **settings)
    return one, asyncio.create_task(one.run())


def confirm(wire, packet):
    kind, body = packet
    if kind & 0xF0 == 0x30:
        topic = body[0] << 8 | body[1]
        wire.say(b"\x40\x02" + body[2 + topic : 4 + topic])
    elif kind == 0x82:
        wire.say(b"\x90\x03" + body[:2] + b"\x01")
    elif kind == 0xC0:
        wire.say(b"\xd0\x00")


def ignore(wire, packet):
    """Answer nothing after CONNACK."""


def split(data):
    packets = []
    at = 0
    while at < len(data):
        kind, size, shift = data[at], 0, 0
        while True:
            at += 1
            size |= (data[at] & 0x7F) << shift
            shift += 7
            if data[at] < 0x80:
                break
        packets.append((kind, bytes(data[at + 1 : at + 1 + size])))
        at += 1 + size
    return packets


def message(topic, data, qos=1, id_=7):
    """A PUBLISH of the broker's."""
    body = len(topic).to_bytes(2, "big") + topic
    body += id_.to_bytes(2, "big") if qos else b""
    body += data
    size = len(body)
    head = bytes((size,)) if size < 128 else bytes((0x80 | size & 0x7F, size >> 7))
    return bytes((0x30 | qos << 1,)) + head + body
