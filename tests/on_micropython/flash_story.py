# SPDX-License-Identifier: Apache-2.0
# A band that lives from power-on to power-cut, with the real storage, state, outbox, reporter and
# seal, and the gateway that it talks to. The world outlives the band and knows what was promised.

import vfs
from flash_device import Board, PowerCut, erased

from opaska_band import state, storage
from opaska_band.clock import WallTime
from opaska_band.inbox import Inbox
from opaska_band.outbox import Outbox
from opaska_band.reporter import Reporter
from opaska_protocol import frame, reports
from opaska_protocol.answers import STORED, Answer, encode_answer
from opaska_protocol.channel import BandChannel, GatewayChannel

KID = b"opaska01"
KEY = bytes(range(16))
GENERATION = 1
BLOCKS = 32
# The same at each boot: on a real band a new salt protects the nonces too, here the boot counter
# must do it alone.
SALT = b"saltsalt"

GATEWAY = GatewayChannel(KID, GENERATION, KEY, b"gateway1")

LOST, ANSWER_LOST, ANSWERED = 0, 1, 2  # what becomes of a frame that is sent


class World:
    """Memory, gateway and promises; `copy()` is where a cut can start from again."""

    def __init__(self, seed):
        self.data = erased(BLOCKS)
        self.nvs = {"boot": 0}
        self.random = seed * 2654435761 + 1
        self.press = 0  # number of the last report; it travels in the report as its uptime
        self.promised = {}  # (boot, seq) -> frame: put() has returned
        self.stored = {}  # (boot, seq) -> frame: at the gateway
        self.presses = {}  # press -> (boot, seq) at the gateway
        self.sealed = {}  # (boot, seq), which makes the nonce -> frame
        self.counter = 0  # of answers
        self.counts = {"clashes": 0, "doubled": 0, "nonce_reuse": 0, "unmountable": 0, "faults": 0}

    def copy(self):
        other = World(0)
        for name, value in self.__dict__.items():
            is_container = isinstance(value, (bytearray, dict))
            setattr(other, name, type(value)(value) if is_container else value)
        return other

    def draw(self, below):
        self.random = (self.random * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.random >> 8) % below

    def count(self, what):
        self.counts[what] += 1

    def gateway(self, sealed):
        """Store a frame as the gateway does; its STORED."""
        header, ciphertext = frame.parse_up(sealed)
        key = header.boot, header.seq
        press = reports.decode_report(GATEWAY.open(header, ciphertext)).fields["uptime_ms"]
        if self.stored.get(key, sealed) != sealed:
            self.count("clashes")
            return None
        self.stored[key] = sealed
        if self.presses.get(press, key) != key:
            self.count("doubled")
        self.presses[press] = key
        self.counter += 1
        answer = Answer(STORED, GENERATION, header.boot, header.seq, 1_790_000_000)
        return GATEWAY.seal(self.counter, encode_answer(answer))

    def lost(self):
        """How many promised reports the gateway has not, or not alike."""
        return sum(self.stored.get(key) != sealed for key, sealed in self.promised.items())


class Presses:
    """In place of the uptime: the number of the press, so that its report can be recognised."""

    def __init__(self, world):
        self._world = world

    def ms(self):
        return self._world.press


class RecordingChannel(BandChannel):
    """The real channel; the world sees which nonce seals what."""

    world = None

    def seal(self, seq, body):
        sealed = super().seal(seq, body)
        if self.world.sealed.get((self.boot, seq), sealed) != sealed:
            self.world.count("nonce_reuse")
        self.world.sealed[self.boot, seq] = sealed
        return sealed


class Life:
    """One boot of the band."""

    def __init__(self, world, cut_at=-1, tear=0):
        self.world = world
        self.board = Board(world.data, world.nvs)
        self.board.power.cut_at = cut_at
        self.board.power.tear = tear

    def start(self):
        self.storage = storage.mount(self.board)
        if self.storage.root is None:
            self.world.count("unmountable")
        for code in self.storage.faults:
            self.note(code)
        boot = self.next_boot()
        self.channel = RecordingChannel(KID, GENERATION, KEY, boot, SALT)
        self.channel.world = self.world
        self.outbox = Outbox(self.storage, self.note)
        self.reporter = Reporter(self.channel, self.outbox, Presses(self.world), WallTime())
        self.inbox = Inbox(self.channel, self.answered, None, self)

    def next_boot(self):
        boot, faults = state.next_boot(self.storage, self.board.nvs)
        for code in faults:
            self.note(code)
        return boot

    def end(self):
        """Power off, planned or not."""
        self.board.power.buried = True
        try:
            vfs.umount(storage.ROOT)
        except OSError:
            pass  # it was never mounted

    def note(self, code, detail=""):
        """A cut is no fault: none may be noted because of one."""
        self.world.count("faults")

    def sos(self):
        self.world.press += 1
        self.keep(reports.ALARM, {"kind": reports.SOS, "trigger": reports.HOLD})

    def telemetry(self):
        self.world.press += 1
        fields = {"free_bytes": 90_000, "build": 1, "link": 1, "last_dseq": 0, "waiting": 3}
        self.keep(reports.HEARTBEAT, fields)

    def keep(self, type_, fields):
        seq = self.reporter.report(type_, fields)
        if seq is not None:
            key = self.channel.boot, seq
            self.world.promised[key] = self.channel.world.sealed[key]

    def deliver(self, reliable=False):
        """Send what waits; unless the link is reliable some of it, or its answer, is lost."""
        for letter, boot, seq in list(self.outbox.waiting()):
            self.send(letter, boot, seq, reliable)

    def send(self, letter, boot, seq, reliable):
        fate = ANSWERED if reliable else self.world.draw(3)
        sealed = self.outbox.read(letter, boot, seq)
        if sealed is None or fate == LOST:
            return
        answer = self.world.gateway(sealed)
        if answer and fate == ANSWERED:
            self.inbox.receive(b"", answer)

    def answered(self, answer):
        self.reporter.answered(answer)


def live(life, actions):
    """Whether the band lived to the end of its actions."""
    try:
        life.start()
        for action in actions:
            action(life)
        return True
    except PowerCut:
        return False
    finally:
        life.end()


def story(kind, world):
    """The actions of a usual boot: reports, and a link that comes and goes."""
    actions = [kind.deliver]
    for _ in range(3):
        actions.append((kind.sos, kind.telemetry)[world.draw(2)])
        actions.append((kind.sos, kind.deliver)[world.draw(2)])
    actions.append(kind.deliver)
    return actions


def wear(kind, seed):
    """Fill the directory's log to a different height for each seed, to meet its compaction."""
    return [kind.sos, deliver_all] * (seed * 7 % 40)


def deliver_all(life):
    life.deliver(True)


def recovery(kind):
    """The actions of the boot after a cut: an SOS at once, and then the link is good."""
    return [kind.sos, deliver_all]
