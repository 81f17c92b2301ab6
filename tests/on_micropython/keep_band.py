# SPDX-License-Identifier: Apache-2.0
# Half a band: from the report to the broker and back, without button, signals and radio. It makes
# the reports of its plan, says "done" once all of them were freed, and tells what it saw as JSON.

import asyncio
import binascii
import json
import sys

from flash_device import Board, erased

from opaska_band import state, storage
from opaska_band.inbox import Inbox
from opaska_band.links import mqtt
from opaska_band.links.cellular import Cellular, parse_brokers
from opaska_band.links.line_trial import LineTrial
from opaska_band.links.mqtt import MqttClient
from opaska_band.links.sender import Sender
from opaska_band.outbox import TELEMETRY, URGENT, Outbox
from opaska_protocol import reports
from opaska_protocol.answers import STORED
from opaska_protocol.channel import BandChannel
from opaska_protocol.seal import derive_psk

plan = json.loads(sys.stdin.readline())  # an argument may have 255 bytes at most
KEY = binascii.unhexlify(plan["key"])


def say(event, **values):
    values["event"] = event
    print(json.dumps(values))


class Modem:
    """Attached at once, and for ever."""

    Silent = OSError
    uart = None
    signal_dbm = -77
    trouble = ""
    shares = True
    has_line = True
    can_talk = False

    async def start(self, anew):
        pass

    async def attach(self, apn):
        pass

    async def is_lost(self):
        return False

    async def is_alive(self):
        return True

    async def rest(self, is_left=False):
        pass

    async def dial(self):
        pass


class PPP:
    """In place of `network` and of its class."""

    PPP = None

    def __init__(self, stream):
        pass

    def connect(self):
        pass

    def disconnect(self):
        pass

    def isconnected(self):
        return True


class Faults:
    count = 0

    def note(self, code, detail=""):
        Faults.count += 1
        say("fault", code=code, detail=detail)


class Band:
    def __init__(self):
        PPP.PPP = PPP
        sys.modules["network"] = PPP
        board = Board(erased(48), {"boot": 0})
        kept = storage.mount(board)
        self.boot, _ = state.next_boot(kept, board.nvs)
        kid = binascii.unhexlify(plan["kid"])
        self.channel = BandChannel(kid, 1, KEY, self.boot, b"saltsalt")
        self.faults = Faults()
        self.outbox = Outbox(kept, self.faults.note)
        self.inbox = Inbox(self.channel, self.answered, None, self.faults)
        psk = (plan["kid"], derive_psk(KEY)) if plan["tls"] else None
        trial = LineTrial(board.nvs, True)
        self.cellular = Cellular(Modem(), trial, parse_brokers(plan["brokers"]), tls_psk=psk)
        self.client = MqttClient(
            self.cellular.open_stream,
            plan["kid"],
            username=plan["kid"],
            subscriptions=("dn/" + plan["kid"],),
            on_message=self.inbox.receive,
        )
        self.sender = Sender(self.outbox, self.client, plan["kid"])
        self.seq = 0
        self.freed = asyncio.Event()

    def answered(self, answer):
        if answer.state == STORED and self.outbox.remove(answer.boot, answer.seq):
            self.freed.set()

    def report(self, letter):
        self.seq += 1
        if letter == URGENT:
            fields = {"kind": reports.SOS, "trigger": reports.HOLD, "uptime_ms": self.seq}
            body = reports.encode_report(reports.ALARM, fields)
        else:
            fields = {"free_bytes": 1, "build": 1, "link": 1, "last_dseq": 0, "waiting": 0}
            fields["uptime_ms"] = self.seq
            body = reports.encode_report(reports.HEARTBEAT, fields)
        kept = self.outbox.put(letter, self.boot, self.seq, self.channel.seal(self.seq, body))
        if kept:
            say("kept", boot=self.boot, seq=self.seq, letter=letter)

    async def live(self):
        for _ in range(plan["backlog"]):
            self.report(TELEMETRY)
        tasks = [asyncio.create_task(part.run()) for part in (self.client, self.sender)]
        for number in range(plan["reports"]):
            await asyncio.sleep_ms(plan["gap_ms"])
            self.report(URGENT if number % plan["urgent_every"] == 0 else TELEMETRY)
        while self.outbox.count:
            self.freed.clear()
            await self.freed.wait()
        for task in tasks:
            task.cancel()
        say(
            "done",
            connections=self.client.connections,
            refused=self.inbox.refused,
            discarded=self.outbox.discarded,
            faults=Faults.count,
            alive=not any(task.done() for task in tasks),
            error=str(self.client.last_error),
        )


mqtt._back_off_ms = lambda failures: min(60 << failures, 300)
for name, value in plan["constants"].items():
    setattr(mqtt, name, value)
asyncio.run(Band().live())
