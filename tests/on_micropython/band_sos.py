# SPDX-License-Identifier: Apache-2.0
# sos.py: a press must become a report whatever else fails.


from band_support import BOOT, codes, faults, settle
from single import main

from opaska_band.sos import Sos
from opaska_protocol import reports
from opaska_protocol.answers import ACCEPTED, CLOSED, STORED, TAKEN

MINUTE_MS = 60_000


class Reporter:
    boot = BOOT

    def __init__(self):
        self.made = []
        self.failures = 0  # how often the next reports fail

    def report(self, type_, fields):
        if self.failures:
            self.failures -= 1
            raise MemoryError()
        reports.encode_report(type_, dict(fields, uptime_ms=0))
        self.made.append((type_, fields))
        return len(self.made)


class Wearer:
    """An Sos with everything around it recorded."""

    def __init__(self):
        self.reporter = Reporter()
        self.faults = faults()
        self.sends = 0
        self.felt = []
        self.broken = ()
        self.sos = Sos(self.reporter, self.send, self.tell, self.fields, self.faults)

    def send(self):
        self._break("send")
        self.sends += 1

    def tell(self, name):
        self._break("tell")
        self.felt.append(name)

    def fields(self):
        self._break("fields")
        return {"battery_percent": 80}

    def _break(self, part):
        if part in self.broken:
            raise ValueError(part)

    def answer(self, *states, seq=1, boot=BOOT):
        for state in states:
            self.sos.answered(boot, seq, state)


async def test_press_is_reported_sent_and_felt_at_once():
    wearer = Wearer()
    wearer.sos.press(reports.HOLD)
    fields = {"battery_percent": 80, "kind": reports.SOS, "trigger": reports.HOLD}
    assert wearer.reporter.made == [(reports.ALARM, fields)]
    assert wearer.sends == 1
    assert wearer.felt == ["working"]


async def test_no_word_about_the_wearer_that_is_nonsense_keeps_a_press_from_being_reported():
    nonsense = {"position": [1 << 70, 0, 0, 0]}, {"position": [None]}, {"battery_percent": "full"}
    for told in nonsense:
        wearer = Wearer()
        wearer.sos._fields = lambda told=told: told
        wearer.sos.press(reports.HOLD)
        fields = {"kind": reports.SOS, "trigger": reports.HOLD}
        assert wearer.reporter.made == [(reports.ALARM, fields)], wearer.reporter.made
        assert codes(wearer.faults) == [reports.TASK_FAILED]
        assert wearer.felt == ["working"]


async def test_help_is_felt_growing_nearer():
    wearer = Wearer()
    wearer.sos.press(reports.HOLD)
    wearer.answer(STORED, ACCEPTED, TAKEN, CLOSED)
    assert wearer.felt == ["working", "stored", "accepted", "taken", "closed"], wearer.felt


async def test_repeated_and_overtaken_answers_are_felt_once():
    wearer = Wearer()
    wearer.sos.press(reports.HOLD)
    wearer.answer(ACCEPTED, STORED, ACCEPTED, STORED, TAKEN, ACCEPTED, TAKEN)
    assert wearer.felt == ["working", "accepted", "taken"], wearer.felt


async def test_presses_before_the_answer_make_no_second_report_but_send_again():
    wearer = Wearer()
    for _ in range(5):
        wearer.sos.press(reports.HOLD)
    assert len(wearer.reporter.made) == 1
    assert wearer.sends == 5
    assert wearer.felt == ["working"] * 5


async def test_press_during_an_open_case_is_a_new_report_and_keeps_what_was_reached():
    wearer = Wearer()
    wearer.sos.press(reports.HOLD)
    wearer.answer(STORED, ACCEPTED)
    wearer.sos.press(reports.HOLD)
    assert len(wearer.reporter.made) == 2
    wearer.answer(STORED, seq=2)
    assert wearer.felt == ["working", "stored", "accepted", "accepted", "accepted"], wearer.felt


async def test_press_after_closing_starts_at_working():
    wearer = Wearer()
    wearer.sos.press(reports.HOLD)
    wearer.answer(STORED, TAKEN, CLOSED)
    wearer.sos.press(reports.HOLD)
    assert wearer.felt[-2:] == ["closed", "working"]


async def test_no_answer_in_time_is_felt_and_the_answer_brings_hope_back():
    wearer = Wearer()
    wearer.sos.press(reports.HOLD)
    await settle(MINUTE_MS - 1)
    assert wearer.felt == ["working"]
    await settle(1)
    assert wearer.felt == ["working", "not_sent"], wearer.felt
    wearer.sos.press(reports.HOLD)
    assert wearer.felt[2:] == ["not_sent"]
    assert len(wearer.reporter.made) == 1
    wearer.answer(STORED)
    await settle(MINUTE_MS)
    assert wearer.felt[3:] == ["stored"], wearer.felt


async def test_answered_press_is_never_called_not_sent():
    wearer = Wearer()
    wearer.sos.press(reports.HOLD)
    wearer.answer(ACCEPTED)
    await settle(MINUTE_MS)
    assert wearer.felt == ["working", "accepted"]


async def test_second_press_that_is_not_sent_is_not_hidden_by_the_first():
    wearer = Wearer()
    wearer.sos.press(reports.HOLD)
    wearer.answer(STORED, ACCEPTED)
    wearer.sos.press(reports.HOLD)
    await settle(MINUTE_MS)
    assert wearer.felt[-1] == "not_sent"
    wearer.answer(TAKEN)
    assert wearer.felt[-1] == "not_sent"
    wearer.answer(STORED, seq=2)
    assert wearer.felt[-1] == "taken"


async def test_closing_while_another_press_is_on_its_way_says_nothing():
    wearer = Wearer()
    wearer.sos.press(reports.HOLD)
    wearer.answer(STORED)
    wearer.sos.press(reports.HOLD)
    wearer.answer(CLOSED)
    assert wearer.felt == ["working", "stored", "stored"], wearer.felt
    wearer.answer(CLOSED, seq=2)
    assert wearer.felt[-1] == "closed"


async def test_waiting_sos_is_taken_up_after_a_restart():
    wearer = Wearer()
    wearer.sos.resume([(BOOT - 1, 3)])
    assert (wearer.felt, wearer.sends, wearer.reporter.made) == (["working"], 1, [])
    wearer.answer(STORED, seq=3, boot=BOOT - 1)
    assert wearer.felt == ["working", "stored"]


async def test_nothing_waiting_after_a_restart_says_nothing():
    wearer = Wearer()
    wearer.sos.resume([])
    assert (wearer.felt, wearer.sends) == ([], 0)


async def test_press_after_a_restart_makes_its_own_report():
    wearer = Wearer()
    wearer.sos.resume([(BOOT - 1, 3)])
    wearer.sos.press(reports.HOLD)
    assert len(wearer.reporter.made) == 1
    wearer.answer(STORED, seq=3, boot=BOOT - 1)
    assert wearer.felt == ["working", "working"], wearer.felt
    wearer.answer(STORED)
    assert wearer.felt == ["working", "working", "stored"], wearer.felt


async def test_stored_press_is_never_called_not_sent_for_an_older_one():
    wearer = Wearer()
    wearer.sos.resume([(BOOT - 1, 3)])  # of an earlier key, say: nobody will ever answer it
    wearer.sos.press(reports.HOLD)
    wearer.answer(STORED)
    await settle(MINUTE_MS)
    assert wearer.felt == ["working", "working", "stored"], wearer.felt
    wearer.answer(TAKEN)
    assert wearer.felt[3:] == ["taken"], wearer.felt


async def test_press_that_is_not_sent_is_not_hidden_by_an_older_one():
    wearer = Wearer()
    wearer.sos.resume([(BOOT - 1, 3)])
    wearer.sos.press(reports.HOLD)
    wearer.answer(STORED, seq=3, boot=BOOT - 1)
    await settle(MINUTE_MS)
    assert wearer.felt == ["working", "working", "not_sent"], wearer.felt


async def test_held_at_power_up_with_one_waiting_reports_once():
    wearer = Wearer()
    wearer.sos.press(reports.POWER_UP)
    wearer.sos.resume([(BOOT - 1, 3)])
    assert len(wearer.reporter.made) == 1


async def test_no_other_part_can_stop_the_report():
    wearer = Wearer()
    wearer.broken = ("send", "tell", "fields")
    wearer.sos.press(reports.HOLD)
    fields = {"kind": reports.SOS, "trigger": reports.HOLD}
    assert wearer.reporter.made == [(reports.ALARM, fields)]
    assert wearer.faults.count == 3
    assert set(codes(wearer.faults)) == {reports.TASK_FAILED}


async def test_report_that_fails_is_tried_until_it_is_made_and_made_once():
    wearer = Wearer()
    wearer.reporter.failures = 3
    wearer.sos.press(reports.HOLD)
    assert not wearer.reporter.made
    await settle(599)
    assert not wearer.reporter.made
    await settle(1)
    assert len(wearer.reporter.made) == 1
    assert wearer.felt == ["working"]


main(globals())
