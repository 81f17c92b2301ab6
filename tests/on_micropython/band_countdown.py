# SPDX-License-Identifier: Apache-2.0
# countdown.py: a felt fall is announced first, cancelled or raised, and an SOS needs none of it.
# Time passes as the tests say; button, seal and outbox are the real ones.

from band_support import BOOT, KEY, channel, codes, faults, folder, outbox
from single import main

from opaska_band.clock import WallTime
from opaska_band.countdown import Countdown
from opaska_band.decisions import fall
from opaska_band.reporter import Reporter
from opaska_band.senses.fall import Fall
from opaska_band.sos import Sos
from opaska_band.sos_button import SosButton
from opaska_band.storage import Storage
from opaska_protocol import frame, reports
from opaska_protocol.answers import ACCEPTED, STORED
from opaska_protocol.channel import GatewayChannel

STEP_MS = 10
ALL_OF_IT_MS = 20_500


class Uptime:
    now = 1_000

    def ms(self):
        return self.now


class Contact:
    """The driver of the button, under a finger that needs no pins."""

    on_edge = None
    closed = False

    def take(self):
        return None

    def is_closed(self):
        return self.closed


class Stillness:
    walking_s = 0


class Motion:
    def __init__(self):
        self.stillness = Stillness()
        self.still = 0

    def still_s(self):
        return self.still


class Evidence:
    def __init__(self):
        self.log = []

    def felt(self):
        self.log.append("felt")

    def settled(self, of_seq):
        self.log.append(of_seq)


class Battery:
    percent = 71


class Felt:
    """Signals that are only written down."""

    def __init__(self, log):
        self.play = log.append
        self.log = log

    def hold(self, hold_ms):
        self.log.append("hold %d" % hold_ms)

    def released(self):
        self.log.append("released")


class Wearer:
    """A band without link and sensor; what happens stands in `log`, in its order."""

    def __init__(self, storage=None, boot=BOOT, generation=1, by_hand=True):
        self.log = []
        self.faults = faults()
        self.storage = storage or folder()
        self.uptime = Uptime()
        self.outbox = outbox(self.storage, self.faults)
        self.outbox.on_put = self.on_put
        sealer = channel(boot, generation)
        self.reporter = Reporter(sealer, self.outbox, self.uptime, WallTime())
        self.signals = Felt(self.log)
        self.sos = Sos(self.reporter, lambda: None, self.signals.play, dict, self.faults)
        self.contact = Contact()
        self.button = SosButton(
            self.contact, self.uptime, 500, self.pressed, self.signals, self.faults
        )
        self.countdown = Countdown(
            self.reporter,
            self.sos,
            self.button.press,
            self.signals,
            self.storage,
            generation,
            self.uptime,
            self.faults,
        )
        self.button.on_countdown = self.countdown.pressed
        self.countdown.by_hand = by_hand
        self.countdown.motion = self.motion = Motion()
        self.countdown.battery = Battery()
        self.due_ms = 0

    def pressed(self, trigger):
        """As band.py does."""
        self.sos.press(trigger, self.countdown.ends_with)
        self.countdown.called()

    def on_put(self, letter, boot, seq):
        header, ciphertext = frame.parse_up(self.outbox.read(letter, boot, seq))
        opener = GatewayChannel(header.kid, header.generation, KEY, bytes(8))
        report = reports.decode_report(opener.open(header, ciphertext))
        assert not report.problems, report.problems
        assert letter == "a"
        self.log.append((report.type, report.fields))

    def wait(self, ms):
        """What the tasks of button and countdown do meanwhile."""
        for _ in range(ms // STEP_MS):
            self.uptime.now += STEP_MS
            self.button._look()
            if self.countdown._changed._rings or self.uptime.now >= self.due_ms:
                self.due_ms = self.uptime.now + self.countdown._look()
                self.countdown._changed.clear()

    def feel_fall(self):
        self.countdown.felt(Fall(100, 4_210, 87))

    def fall_and_wait(self, ms=1_000):
        self.feel_fall()
        self.wait(ms)

    def hold(self, ms):
        self.contact.closed = True
        self.wait(ms)
        self.contact.closed = False
        self.wait(100)

    def made(self, type_):
        found = [one for one in self.log if isinstance(one, tuple)]
        return [fields for t, fields in found if t == type_]

    def alarms(self):
        return self.made(reports.ALARM)


def test_fall_is_announced_with_its_deadline_before_anything_is_felt():
    wearer = Wearer()
    wearer.fall_and_wait()
    type_, fields = wearer.log[0]
    assert type_ == reports.ANNOUNCED_FALL
    assert fields["deadline_s"] == 20
    assert (fields["peak_mg"], fields["score_percent"]) == (4_210, 87)
    assert fields["battery_percent"] == 71
    assert wearer.log[1:] == ["countdown"]


def test_countdown_that_nobody_ends_is_felt_growing_and_raised_after_20_s():
    wearer = Wearer()
    wearer.motion.still = 18
    wearer.fall_and_wait(19_990)
    assert wearer.alarms() == []
    assert wearer.motion.closely, "or it would be seen too late that somebody walks on"
    wearer.wait(20)
    assert not wearer.motion.closely
    (alarm,) = wearer.alarms()
    assert (alarm["kind"], alarm["trigger"]) == (reports.FALL, reports.SENSOR)
    assert (alarm["of_seq"], alarm["why"], alarm["still"]) == (1, reports.DEADLINE, True)
    assert "of_boot" not in alarm
    pulses = [one for one in wearer.log if one in fall.PULSES]
    assert len(pulses) == 10, wearer.log
    assert pulses == sorted(pulses)
    assert set(pulses) == set(fall.PULSES)
    assert wearer.log[-1] == "working"
    wearer.wait(ALL_OF_IT_MS)
    assert len(wearer.alarms()) == 1


def test_fall_after_which_somebody_moves_is_not_marked_still():
    wearer = Wearer()
    wearer.motion.still = 3
    wearer.fall_and_wait(ALL_OF_IT_MS)
    assert wearer.alarms()[0]["still"] is False


def test_short_press_in_the_countdown_is_an_sos_at_once():
    wearer = Wearer()
    wearer.fall_and_wait()
    wearer.hold(100)  # shorter than the hold of an SOS
    (alarm,) = wearer.alarms()
    assert (alarm["kind"], alarm["of_seq"]) == (reports.SOS, 1)
    assert wearer.log[-1] == "working"
    wearer.wait(ALL_OF_IT_MS)
    assert len(wearer.alarms()) == 1, "the SOS has ended the countdown"


def test_press_of_almost_five_seconds_is_an_sos():
    wearer = Wearer()
    wearer.fall_and_wait()
    wearer.hold(4_900)
    assert wearer.alarms()[0]["kind"] == reports.SOS
    assert "confirmed" not in wearer.log


def test_hold_is_felt_growing_confirmed_and_cancels_when_let_go():
    wearer = Wearer()
    wearer.fall_and_wait()
    wearer.hold(6_000)
    (cancel,) = wearer.made(reports.FALL_CANCELLED)
    assert (cancel["of_seq"], cancel["reason"]) == (1, reports.BY_HAND)
    assert 7_000 <= cancel["after_ms"] <= 7_100
    felt = [one for one in wearer.log if isinstance(one, str)]
    assert felt == ["countdown", "hold 5000", "confirmed", "cancelled"]
    assert wearer.log.index("cancelled") == len(wearer.log) - 1, "reported before it is felt"
    wearer.wait(ALL_OF_IT_MS)
    assert wearer.alarms() == []
    assert wearer.log[-1] == "cancelled"


def test_button_still_down_after_ten_seconds_raises():
    wearer = Wearer()
    wearer.fall_and_wait()
    wearer.hold(10_200)
    (alarm,) = wearer.alarms()
    assert (alarm["kind"], alarm["why"]) == (reports.FALL, reports.HELD_ON)
    assert wearer.made(reports.FALL_CANCELLED) == []
    wearer.wait(ALL_OF_IT_MS)
    assert len(wearer.alarms()) == 1


def test_deadline_raises_under_a_finger_whose_release_then_does_nothing():
    wearer = Wearer()
    wearer.fall_and_wait(18_000)
    wearer.hold(4_000)
    assert [alarm["why"] for alarm in wearer.alarms()] == [reports.DEADLINE]
    wearer.hold(600)  # and the next press is an ordinary one again
    assert [alarm["kind"] for alarm in wearer.alarms()] == [reports.FALL, reports.SOS]


def test_confirmed_hold_over_the_deadline_still_cancels():
    wearer = Wearer()
    wearer.fall_and_wait(14_500)
    wearer.hold(6_500)
    assert wearer.alarms() == []
    assert len(wearer.made(reports.FALL_CANCELLED)) == 1


def test_walking_on_cancels_and_lying_still_does_not():
    wearer = Wearer()
    wearer.motion.still = 100
    wearer.fall_and_wait(8_000)
    wearer.motion.stillness.walking_s = fall.WALKED_S - 1
    wearer.wait(3_000)
    assert wearer.made(reports.FALL_CANCELLED) == []
    wearer.motion.stillness.walking_s = fall.WALKED_S
    wearer.wait(3_000)
    (cancel,) = wearer.made(reports.FALL_CANCELLED)
    assert cancel["reason"] == reports.WALKED_ON
    wearer.motion.still = 0
    wearer.wait(ALL_OF_IT_MS)
    assert wearer.alarms() == []
    assert wearer.log[-1] == "cancelled"


def test_walking_does_not_cancel_under_a_finger_that_calls_for_help():
    wearer = Wearer()
    wearer.fall_and_wait()
    wearer.motion.stillness.walking_s = 60
    wearer.hold(4_000)
    assert wearer.alarms()[0]["kind"] == reports.SOS
    assert wearer.made(reports.FALL_CANCELLED) == []


def cancelled():
    """A wearer who has cancelled by hand a moment ago."""
    wearer = Wearer()
    wearer.fall_and_wait()
    wearer.hold(6_000)
    return wearer


def test_cancelled_and_then_still_for_a_minute_rings_all_the_same():
    wearer = cancelled()
    for second in range(59):
        wearer.motion.still = second
        wearer.wait(1_000)
    assert wearer.alarms() == []
    wearer.motion.still = 61
    wearer.wait(2_000)
    (alarm,) = wearer.alarms()
    assert (alarm["kind"], alarm["why"]) == (reports.FALL, reports.STILL_AFTER_CANCEL)
    assert (alarm["of_seq"], alarm["still"]) == (1, True)


def test_stillness_from_before_the_cancel_does_not_count():
    wearer = Wearer()
    wearer.motion.still = 1_000
    wearer.fall_and_wait()
    wearer.hold(6_000)
    wearer.wait(58_000)
    assert wearer.alarms() == []


def test_cancelled_and_up_again_does_not_ring_however_still_it_gets_later():
    wearer = cancelled()
    for second in range(100):
        wearer.motion.still = second % 50
        wearer.wait(1_000)
    wearer.motion.still = 3_600
    wearer.wait(100_000)
    assert wearer.alarms() == []


def test_wearer_whose_hand_may_not_cancel_raises_an_sos_by_a_press():
    wearer = Wearer(by_hand=False)
    wearer.fall_and_wait()
    wearer.hold(6_000)
    (alarm,) = wearer.alarms()
    assert (alarm["kind"], alarm["trigger"], alarm["of_seq"]) == (reports.SOS, reports.HOLD, 1)
    wearer.wait(ALL_OF_IT_MS)
    assert len(wearer.alarms()) == 1
    assert wearer.made(reports.FALL_CANCELLED) == []


def test_second_fall_in_the_countdown_changes_nothing():
    wearer = Wearer()
    wearer.fall_and_wait(10_000)
    wearer.fall_and_wait(10_500)
    assert len(wearer.made(reports.ANNOUNCED_FALL)) == 1
    assert len(wearer.alarms()) == 1
    wearer.wait(ALL_OF_IT_MS)
    assert len(wearer.alarms()) == 1


def test_fall_after_a_cancel_is_a_new_one():
    wearer = cancelled()
    wearer.fall_and_wait(ALL_OF_IT_MS)
    assert len(wearer.made(reports.ANNOUNCED_FALL)) == 2
    (alarm,) = wearer.alarms()
    assert (alarm["why"], alarm["of_seq"]) == (reports.DEADLINE, 3)


def test_sos_on_its_way_is_untouched_by_a_fall_and_the_fall_is_not_hidden_by_it():
    wearer = Wearer()
    wearer.hold(600)
    wearer.fall_and_wait(ALL_OF_IT_MS)
    assert [alarm["kind"] for alarm in wearer.alarms()] == [reports.SOS, reports.FALL]
    wearer.sos.answered(BOOT, 1, STORED)
    assert wearer.sos.reports.unanswered(BOOT), "the fall is on its way"
    wearer.sos.answered(BOOT, 3, ACCEPTED)
    assert wearer.log[-1] == "accepted"


def test_sos_in_the_countdown_names_the_fall_even_if_an_earlier_one_is_on_its_way():
    wearer = Wearer()
    wearer.hold(600)
    wearer.fall_and_wait()
    wearer.hold(600)
    assert [alarm.get("of_seq") for alarm in wearer.alarms()] == [None, 2]


def test_sos_after_a_fall_that_is_on_its_way_makes_its_own_report_and_the_next_none():
    wearer = Wearer()
    wearer.fall_and_wait(ALL_OF_IT_MS)
    wearer.hold(600)
    wearer.hold(600)
    assert [alarm["kind"] for alarm in wearer.alarms()] == [reports.FALL, reports.SOS]
    assert "of_seq" not in wearer.alarms()[1]


def test_gateway_that_has_raised_the_fall_by_itself_is_felt_and_echoed():
    wearer = Wearer()
    wearer.fall_and_wait(ALL_OF_IT_MS)
    wearer.sos.answered(BOOT, 1, ACCEPTED)
    assert wearer.sos.reports.echo(4) == [(BOOT, 1, ACCEPTED)]


def test_band_that_restarts_in_a_countdown_raises_the_fall_once():
    storage = folder()
    wearer = Wearer(storage)
    wearer.fall_and_wait()
    again = Wearer(storage, boot=BOOT + 1)
    again.countdown.resume(BOOT + 1)
    (alarm,) = again.alarms()
    assert (alarm["kind"], alarm["why"]) == (reports.FALL, reports.RESTARTED)
    assert (alarm["of_boot"], alarm["of_seq"]) == (BOOT, 1)
    assert "still" not in alarm
    third = Wearer(storage, boot=BOOT + 2)
    third.countdown.resume(BOOT + 2)
    assert third.alarms() == []


def test_band_that_restarts_after_the_end_of_a_fall_raises_nothing():
    storage = folder()
    for boot, hold_ms in ((BOOT, 100), (BOOT + 2, 6_000), (BOOT + 4, 10_500)):
        wearer = Wearer(storage, boot)
        wearer.fall_and_wait()
        wearer.hold(hold_ms)
        again = Wearer(storage, boot + 1)
        again.countdown.resume(boot + 1)
        assert again.alarms() == [], hold_ms


def test_flash_that_fails_at_the_end_of_a_fall_does_not_raise_it_after_a_restart():
    storage = folder()
    wearer = Wearer(storage)
    save = storage.save
    wearer.fall_and_wait()
    storage.save = lambda name, data: False
    wearer.hold(6_000)
    storage.save = save
    wearer.wait(ALL_OF_IT_MS * 5)
    again = Wearer(storage, boot=BOOT + 1)
    again.countdown.resume(BOOT + 1)
    assert again.alarms() == []


def test_another_wearers_countdown_and_broken_files_raise_nothing():
    storage = folder()
    wearer = Wearer(storage)
    wearer.fall_and_wait()
    again = Wearer(storage, boot=BOOT + 1, generation=2)
    again.countdown.resume(BOOT + 1)
    for data in (b"", b"\xff" * 9, b"x" * 100):
        storage.save("fall", data)
        again.countdown.resume(BOOT + 1)
    assert again.alarms() == []
    assert again.faults.count == 0


def test_broken_flash_costs_nothing_but_the_memory_of_a_restart():
    wearer = Wearer(Storage(None))
    wearer.fall_and_wait()
    wearer.hold(6_000)
    assert len(wearer.made(reports.FALL_CANCELLED)) == 1
    wearer.fall_and_wait(ALL_OF_IT_MS)
    assert wearer.alarms()[0]["why"] == reports.DEADLINE


def test_flash_that_runs_full_takes_announcement_cancel_and_alarm_into_ram():
    wearer = Wearer()

    def full(name, data):
        raise OSError(28)

    wearer.outbox._write = lambda *_: False
    wearer.storage.save = full
    wearer.fall_and_wait()
    wearer.hold(6_000)
    wearer.fall_and_wait(ALL_OF_IT_MS)
    types = [one[0] for one in wearer.log if isinstance(one, tuple)]
    made = (reports.ANNOUNCED_FALL, reports.FALL_CANCELLED, reports.ANNOUNCED_FALL, reports.ALARM)
    assert tuple(types) == made
    assert wearer.alarms()[0]["of_seq"] == 3


def test_announcement_that_fails_is_made_with_a_later_pulse_and_what_is_left_of_the_time():
    wearer = Wearer()
    report = wearer.reporter.report
    failures = [MemoryError(), OSError(5), ValueError("planted")]

    def fail(type_, fields):
        if failures:
            raise failures.pop()
        return report(type_, fields)

    wearer.reporter.report = fail
    evidence = wearer.countdown.evidence = Evidence()
    wearer.fall_and_wait(ALL_OF_IT_MS)
    (announced,) = wearer.made(reports.ANNOUNCED_FALL)
    assert 15 <= announced["deadline_s"] <= 18
    assert wearer.alarms()[0]["of_seq"] == 1
    assert evidence.log == ["felt", 1], "it has its motion"


def test_failing_parts_stop_neither_the_countdown_nor_the_alarm():
    wearer = Wearer()

    def fail(*_):
        raise ValueError("planted")

    wearer.signals.play = wearer.signals.hold = wearer.storage.save = fail
    wearer.countdown.evidence = Evidence()
    wearer.countdown.evidence.settled = fail
    wearer.fall_and_wait(ALL_OF_IT_MS)
    assert [alarm["why"] for alarm in wearer.alarms()] == [reports.DEADLINE]
    assert set(codes(wearer.faults)) == {reports.TASK_FAILED}


def test_press_is_an_sos_even_if_the_countdown_fails():
    wearer = Wearer()
    wearer.fall_and_wait()

    def fail(event):
        raise ValueError("planted")

    wearer.countdown._happen = fail
    wearer.hold(100)
    assert wearer.alarms()[0]["kind"] == reports.SOS


def test_without_signals_and_sensor_a_fall_is_cancelled_and_raised_all_the_same():
    wearer = Wearer()
    wearer.countdown._signals = wearer.countdown.motion = None
    wearer.fall_and_wait()
    wearer.hold(6_000)
    wearer.fall_and_wait(ALL_OF_IT_MS)
    assert len(wearer.made(reports.FALL_CANCELLED)) == 1
    assert "still" not in wearer.alarms()[0]


def test_every_new_fall_and_its_end_is_told_to_whoever_keeps_the_evidence():
    wearer = Wearer()
    evidence = wearer.countdown.evidence = Evidence()
    wearer.fall_and_wait(ALL_OF_IT_MS)
    wearer.fall_and_wait()
    wearer.feel_fall()
    wearer.hold(6_000)
    assert evidence.log == ["felt", 1, "felt", 3]


main(globals())
