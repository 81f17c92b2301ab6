# SPDX-License-Identifier: Apache-2.0
# A broker that says random and mutated packets: the client may leave the link, and nothing else.
#
#   micropython mqtt_fuzz.py <seed> <connections>      prints JSON

import asyncio
import gc
import json
import random
import sys

from links_wire import CONNACK, Broker, Wire, ignore, message

from opaska_band.links import mqtt
from opaska_band.links.mqtt import MqttClient, MqttError

KNOWN = (MqttError, OSError, EOFError)  # why a link may end
GOOD = (
    b"\x40\x02\x00\x01",
    b"\x90\x03\x00\x01\x01",
    b"\xd0\x00",
    CONNACK,
    message(b"dn/band", b"answer"),
    message(b"dn/band", bytes(300)),
    message(b"dn/band", b"now", qos=0),
)


counts = {"packets": 0, "messages": 0}


def garbage():
    """Good packets, some of them bent, or plain noise."""
    if random.getrandbits(3) == 0:
        counts["packets"] += 1
        return bytes(random.getrandbits(8) for _ in range(random.getrandbits(5)))
    data = bytearray()
    for _ in range(1 + random.getrandbits(2)):
        data += random.choice(GOOD)
        counts["packets"] += 1
    for _ in range(random.getrandbits(2)):
        at = random.randrange(len(data))
        kind = random.getrandbits(2)
        if kind == 0:
            data[at] = random.getrandbits(8)
        elif kind == 1:
            data[at] ^= 1 << random.getrandbits(3)
        elif kind == 2:
            data = data[:at] + data[at + 1 :]
        else:
            data = data[: at + 1]
        if not data:
            break
    return bytes(data)


class Rogue(Broker):
    def __init__(self, count):
        super().__init__(ignore)
        self.left = count
        self.done = asyncio.Event()

    async def open_stream(self):
        if not self.left:
            self.done.set()
            await asyncio.sleep(3600)
        self.left -= 1
        if self.left % 200 == 0:
            gc.collect()
        wire = Wire(ignore)
        wire.say((CONNACK if random.getrandbits(3) else b"") + garbage())
        wire.end()
        return wire, wire


async def main(seed, count):
    random.seed(seed)
    mqtt._back_off_ms = lambda failures: 0
    broker = Rogue(count)

    def on_message(topic, data):
        counts["messages"] += 1

    unknown = []
    client = MqttClient(broker.open_stream, "b", on_message=on_message, subscriptions=("dn/b",))
    task = asyncio.create_task(client.run())
    client.post("up/b/a", b"sos")
    gc.collect()
    before = gc.mem_alloc()
    while not broker.done.is_set():
        await asyncio.sleep_ms(0)
        if client.last_error and not isinstance(client.last_error, KNOWN):
            unknown.append(repr(client.last_error))
            client.last_error = None
    gc.collect()
    counts.update(connections=client.connections, unknown=unknown, alive=not task.done())
    counts["grown"] = gc.mem_alloc() - before
    print(json.dumps(counts))


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
