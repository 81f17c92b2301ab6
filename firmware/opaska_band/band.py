# SPDX-License-Identifier: Apache-2.0
# The whole band, made once and in the order of a report's journey: button or fall, decision,
# report, outbox, link, answer. What an SOS can do without is made by `attempt` and may be missing.

import asyncio
import os

from micropython import const

from opaska_protocol import answers, reports
from opaska_protocol.channel import BandChannel
from opaska_protocol.seal import derive_psk

from . import VERSION, safe_mode, state
from .boards.band_v1 import NAME as BOARD_NAME
from .clock import Uptime, WallTime
from .drivers.eg915u import EG915U
from .faults import Faults
from .guard import attempt, keep
from .links.cellular import Cellular, parse_apn, parse_brokers
from .links.line_trial import LineTrial
from .links.mqtt import MqttClient
from .links.sender import Sender
from .outbox import Outbox
from .reporter import Reporter
from .settings import Settings
from .sos import Sos
from .sos_button import SosButton
from .storage import mount
from .unload import unload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Awaitable, Callable

    from opaska_protocol.answers import Answer
    from opaska_protocol.orders import Order

    from .boards.band_v1 import Board
    from .drivers.button import Button
    from .identity import Identity

_IDLE_MS = const(3_600_000)
_NEAR_MS = const(3_600_000)  # after an alarm; a case that nobody closes must not empty the cell


class Band:
    def __init__(self, board: "Board", button: "Button", identity: "Identity") -> None:
        self.board = board
        self.identity = identity
        self.uptime = Uptime()
        self.faults = Faults(self.uptime)
        self.safe_mode = False
        self.settings = Settings()
        self.obeys = False  # orders: not before it is certain that this is no safe mode
        self.heartbeat: "Any" = None
        self._alarm_ms = 0  # uptime of the latest alarm; an earlier boot's counts from the start
        self._nearing: "Any" = None
        self._tasks: "list[Any]" = []
        self.battery: "Any" = attempt("battery", self._make_battery, self.faults)
        self.signals: "Any" = attempt("signals", self._make_signals, self.faults)
        self._make_outbox()
        self._make_link()
        self.sos = Sos(self.reporter, self._send_now, self._tell, self._sos_fields, self.faults)
        self.button = SosButton(
            button,
            self.uptime,
            self.settings.hold_ms,
            self._pressed,
            self.signals,
            self.faults,
        )
        self.button.on_touch = self.cellular.modem.heard  # it is awake when the hold is over
        self.motion: "Any" = None
        self.fall_sense: "Any" = None
        self.wear: "Any" = None
        self.vitals: "Any" = None
        self.place: "Any" = None
        self.visits: "Any" = None
        self.countdown: "Any" = attempt("countdown", self._make_countdown, self.faults)

    async def run(self, held: bool) -> None:
        """Live; `held`: the SOS button was down at power-up."""
        if held:
            self.button.press.taken_up(self.uptime.ms())
            self.sos.press(reports.POWER_UP)
        self._start("button", self.button.run)
        self._start("client", self.client.run)
        self._start("sender", self.sender.run)
        self._start("faults", lambda: self.faults.run(self.reporter, self.outbox.urgent))
        attempt("resume", self._resume, self.faults)
        if self.countdown:
            attempt("countdown", lambda: self.countdown.resume(self.reporter.boot), self.faults)
        self.safe_mode = held and await safe_mode.is_wanted(self)
        if self.safe_mode:
            self._tell("safe_mode")
        else:
            attempt("settings", self._load_settings, self.faults)
            self.obeys = True
            attempt("motion", self._feel_falls, self.faults)
            attempt("wear", self._watch_wear, self.faults)
            attempt("vitals", self._feel_pulse, self.faults)
            attempt("place", self._know_place, self.faults)
            attempt("visits", self._let_carers_in, self.faults)
        attempt("boot report", self._report_boot, self.faults)
        if self.battery:
            self._start("battery", lambda: self.battery.run(self.storage, self.uptime))
        self._start("heartbeat", self._beat)
        if not self.safe_mode:
            attempt("sleep", self._sleep_between, self.faults)
            while True:  # an Event would be kept for ever
                await asyncio.sleep_ms(_IDLE_MS)
        self.faults.note(reports.SAFE_MODE)
        await safe_mode.over(self)
        self.board.restart()

    def use_settings(self) -> None:
        """Let everybody know the settings that are valid now; what they are for is seen soon."""
        self.button.press.hold_ms = self.settings.hold_ms
        self.client.keepalive_s = _keepalive_s(self.settings)
        if self.signals:
            self.signals.quiet = self.settings.quiet
        if self.countdown:
            self.countdown.by_hand = self.settings.fall_cancel_by_hand
        if self.fall_sense:
            self.fall_sense.use_profile(self.settings.fall_profile)
        if self.battery:
            self.battery.soon()
        if self.vitals:
            self.vitals.soon()

    # --- made once ---

    def _make_battery(self) -> "Any":
        from .battery import Battery

        return Battery(self.board, self.faults)

    def _make_signals(self) -> "Any":
        from .signals import Signals

        return Signals(self.board, self.faults)

    def _make_outbox(self) -> None:
        """Flash, the number of this boot, the seal and the outbox."""
        self.storage = mount(self.board)
        boot, troubles = state.next_boot(self.storage, self.board.nvs)
        self.last_dseq = state.load_dseq(self.storage, self.board.nvs)
        for code in self.storage.faults + troubles:
            self.faults.note(code)
        who = self.identity
        self.channel = BandChannel(who.kid, who.generation, who.key, boot, os.urandom(8))
        self.outbox = Outbox(self.storage, self.faults.note)
        self.wall = WallTime()
        self.reporter = Reporter(self.channel, self.outbox, self.uptime, self.wall)

    def _make_link(self) -> None:
        name = self.identity.kid_hex
        brokers = attempt("brokers", lambda: parse_brokers(self.identity.brokers), self.faults, [])
        apn = attempt("apn", lambda: parse_apn(self.identity.apn), self.faults, "")
        psk = (name, derive_psk(self.identity.key)) if self.identity.tls else None
        board = self.board
        modem = EG915U(
            board.modem_uart,
            power_key=board.modem_power_key,
            dtr=board.modem_dtr,
            ring=board.modem_ring,
        )
        trial = LineTrial(board.nvs, board.reset_cause() == reports.POWER_ON)
        if trial.is_lost:
            self.faults.note(reports.TASK_FAILED, "PPP on a shared line")
        self.cellular = Cellular(modem, trial, brokers, tls_psk=psk, apn=apn)
        inbox = attempt("inbox", self._make_inbox, self.faults)
        self.client = MqttClient(
            self.cellular.open_stream,
            name,
            username=name,
            will=lambda: attempt("will", self._will, self.faults),
            keepalive_s=_keepalive_s(self.settings),
            subscriptions=("dn/" + name,),
            on_message=inbox.receive if inbox else None,
        )
        self.client.on_forgotten = self._forgotten
        self.client.is_near = self.is_near
        self.client.is_awaited = self.cellular.is_awaited = self._is_sos_on_its_way
        self.cellular.on_trouble = self._card_broke
        self.sender = Sender(self.outbox, self.client, name)

    def _make_inbox(self) -> "Any":
        from .inbox import Inbox

        return Inbox(self.channel, self._answered, self._ordered, self.faults)

    def _make_countdown(self) -> "Any":
        from .countdown import Countdown

        countdown = Countdown(
            self.reporter,
            self.sos,
            self.button.press,
            self.signals,
            self.storage,
            self.identity.generation,
            self.uptime,
            self.faults,
        )
        countdown.battery = self.battery
        self.button.on_countdown = countdown.pressed
        return countdown

    # --- started once ---

    def _start(self, name: str, run: "Callable[[], Awaitable[Any]]") -> None:
        self._tasks.append(asyncio.create_task(keep(name, run, self.faults)))

    def _resume(self) -> None:
        from .resume import waiting_alarms

        self.sos.resume(waiting_alarms(self.outbox, self.identity, self.channel.boot))
        unload("opaska_band.resume")

    def _feel_falls(self) -> None:
        from .drivers.lsm6dso import RATE_HZ
        from .motion import Motion
        from .senses.fall import FallSense

        countdown = self.countdown
        sense = FallSense(RATE_HZ, self.settings.fall_profile)
        fell, tell = countdown.felt, lambda: self._tell("fault")
        motion = Motion(
            self.board, self.uptime, self.faults, sense, fell, tell, self._is_sos_on_its_way
        )
        self.motion, self.fall_sense, countdown.motion = motion, sense, motion
        self._start("countdown", countdown.run)
        self._start("motion", motion.run)
        attempt("evidence", self._keep_evidence, self.faults)

    def _is_sos_on_its_way(self) -> bool:
        """From the first touch of the button until the gateway's answer."""
        return self._is_pressed() or self.sos.is_on_its_way

    def _is_pressed(self) -> bool:
        """Whether a press may still become something; a jammed button waits for nothing."""
        return self.button.press.next_ms() is not None

    def _keep_evidence(self) -> None:
        from .evidence import Evidence

        window = self.motion.window
        evidence = Evidence(window, self.reporter, self.outbox, self.uptime, self.faults)
        self._start("evidence", evidence.run)
        self.countdown.evidence = evidence

    def _watch_wear(self) -> None:
        from .wear import Wear

        self.wear = Wear(self)
        self._start("wear", self.wear.run)

    def _feel_pulse(self) -> None:
        from .vitals import Vitals

        self.vitals = Vitals(self)
        if self.wear:
            self.wear.optical = self.vitals.on_skin
        self._start("vitals", self.vitals.run)

    def _know_place(self) -> None:
        from .place import Place

        self.place = Place(self)
        self._start("place", self.place.run)

    def _sleep_between(self) -> None:
        from .sleep import Sleep

        Sleep(self).begin()

    def needs_clocks(self) -> bool:
        """Whether something is at work that stands still in light sleep: UART, sockets, PWM, the
        pin that gives the card reader its power, the edges of a press."""
        is_talking = self.cellular.modem.is_awake or self.client.is_busy
        is_playing = self.signals and self.signals.is_playing
        is_reading = self.visits and self.visits.is_reading
        is_hung = not self.client.is_alive  # the watchdog stands still, too
        return is_talking or is_playing or self._is_pressed() or is_reading or is_hung

    def _let_carers_in(self) -> None:
        from .visit import Visits

        self.visits = Visits(self)
        self._start("visits", self.visits.run)

    def _load_settings(self) -> None:
        from . import settings

        self.settings, broken = settings.load(self.storage)
        if broken:
            self.faults.note(reports.SETTINGS_BROKEN)
        self.use_settings()

    def _report_boot(self) -> None:
        fields = {
            "cause": self.board.reset_cause(),
            "firmware": VERSION,
            "build": self.identity.build,
            "board": BOARD_NAME,
            "safe_mode": self.safe_mode or None,
            "last_dseq": self.last_dseq,
        }
        self.reporter.report(reports.BOOT, fields)
        if self.faults.count:
            self._tell("fault")

    async def _beat(self) -> None:
        from .heartbeat import Heartbeat

        self.heartbeat = Heartbeat(self, self.battery)
        await self.heartbeat.run()

    # --- called when something happens ---

    def _tell(self, name: str) -> None:
        if self.signals:
            self.signals.play(name)

    def _card_broke(self, detail: str) -> None:
        if self.faults.note(reports.SIM_CARD, detail):
            self._tell("fault")

    def _pressed(self, trigger: int) -> None:
        """An SOS by the button; in a countdown it is also the end of the fall."""
        countdown = self.countdown
        if not countdown:
            self.sos.press(trigger)
            return
        self.sos.press(trigger, attempt("countdown", lambda: countdown.ends_with, self.faults))
        attempt("countdown", countdown.called, self.faults)

    def _send_now(self) -> None:
        """An alarm is in the outbox."""
        self.sender.nudge()
        self._alarm_ms = self.uptime.ms()
        self._nearing = asyncio.create_task(self.cellular.modem.be_near(True))
        if self.place:
            self.place.alarm()
        if self.vitals:
            self.vitals.look()

    def _forgotten(self) -> None:
        """The broker has lost its answers to an alarm: the gateway tells them to a heartbeat."""
        if self.heartbeat and self.sos.reports.newest_open() is not None:
            self.heartbeat.soon()

    def is_near(self) -> bool:
        """Whether help may have something to say at any moment."""
        is_fresh = self.uptime.ms() - self._alarm_ms < _NEAR_MS
        return is_fresh and self.sos.reports.newest_open() is not None

    def _sos_fields(self) -> "dict[str, Any]":
        percent = self.battery.percent if self.battery else None
        fields = {"battery_percent": percent, "safe_mode": self.safe_mode or None}
        if self.place:
            fields["position"] = attempt("place", self.place.last, self.faults)
        return fields

    def _answered(self, answer: "Answer") -> None:
        """The wearer first; then the report is freed. Neither waits for the other to succeed."""
        boot, seq, state_ = answer.boot, answer.seq, answer.state
        own = answer.generation == self.identity.generation  # else it was another wearer's
        if own:
            attempt("answer", lambda: self.sos.answered(boot, seq, state_), self.faults)
            if self.vitals:
                self.vitals.look()
        self.reporter.answered(answer)
        if own and self.heartbeat and state_ == answers.STORED:
            self.heartbeat.answered(boot, seq)
        if own and self.visits:
            attempt("visits", lambda: self.visits.answered(answer), self.faults)
        if state_ == answers.CLOSED and self.sos.reports.newest_open() is None:
            self._nearing = asyncio.create_task(self.cellular.modem.be_near(False))

    def _will(self) -> "tuple[str, bytes]":
        """What the broker says for us when this connection ends."""
        frame = self.reporter.sealed_once(reports.LINK_LOST, {})
        return "up/%s/t" % self.identity.kid_hex, frame

    def _ordered(self, order: "Order") -> None:
        """What is not obeyed now, as in safe mode, the gateway orders again later."""
        from .obey import obey

        if self.obeys:
            obey(self, order)


def _keepalive_s(settings: Settings) -> int:
    """Longer than from one heartbeat to the next: then nothing is said between them."""
    return settings.heartbeat_s * 3 // 2
