# SPDX-License-Identifier: Apache-2.0
# signals.py: one pattern at a time, the stronger meaning wins, no output speaks alone.

from band_support import Board, codes, faults, settle
from single import main

from opaska_band.decisions import help as help_
from opaska_band.decisions.fall import PULSES
from opaska_band.signals import PATTERNS, Signals, pattern
from opaska_protocol.reports import TASK_FAILED

TICK_MS = 100
PAUSE_MS = 3_000  # before "working" is said again
NAMES = [line.split()[0] for line in PATTERNS.strip().split("\n")]


def player():
    board = Board()
    return Signals(board, faults()), board


def length_ms(name):
    return TICK_MS * len(pattern(name).rhythm)


async def test_pattern_is_felt_within_the_call():
    play, board = player()
    play.play("stored")
    assert board.notes == ["stored"]
    assert board.motor.duties[-1] > 0
    assert board.buzzer.duties[-1] > 0
    assert any([led.duties[-1] for led in board.led])


async def test_what_is_true_now_replaces_what_was_said_before_at_once():
    play, board = player()
    for name in ("working", "stored", "accepted", "taken", "not_sent", "taken", "closed"):
        play.play(name)
        assert board.notes[-1] == name
    await settle(length_ms("closed"))
    assert len(board.notes) == 7, board.notes
    assert board.motor.duties[-1] == 0


async def test_passing_remark_waits_for_the_end_of_an_answer():
    play, board = player()
    play.play("taken")
    play.play("safe_mode")
    assert board.notes == ["taken"]
    await settle(length_ms("taken"))
    assert board.notes == ["taken", "safe_mode"]


async def test_repeated_pattern_goes_on_until_something_else_is_said():
    play, board = player()
    play.play("working")
    await settle(3 * (length_ms("working") + PAUSE_MS))
    assert board.notes == ["working"] * 4, board.notes
    play.play("stored")
    await settle(10 * PAUSE_MS)
    assert board.notes[4:] == ["stored"], board.notes


async def test_hold_grows_to_the_end_of_the_hold():
    play, board = player()
    start = len(board.motor.duties)
    play.hold(800)
    await settle(799)
    assert board.motor.duties[-1]
    await settle(1)
    felt = board.motor.duties[start:-1]
    assert board.notes == ["hold"]
    assert felt == sorted(felt), felt
    assert len(felt) == len(pattern("hold").rhythm), felt
    assert felt[-1] == 65535
    assert board.motor.duties[-1] == 0


async def test_released_hold_ends_and_what_stands_goes_on():
    play, board = player()
    play.play("working")
    play.hold(1_000)
    play.released()
    await settle(PAUSE_MS - 1)
    assert board.notes[-1] == "hold"
    await settle(1)
    assert board.notes[-1] == "working"


async def test_hold_does_not_cut_off_an_answer():
    play, board = player()
    play.play("accepted")
    play.hold(500)
    play.released()
    assert board.notes == ["accepted"]
    await settle(length_ms("accepted"))
    assert board.motor.duties[-1] == 0


async def test_passing_pattern_does_not_end_what_stands():
    play, board = player()
    play.play("working")
    play.play("safe_mode")
    await settle(length_ms("safe_mode") + PAUSE_MS)
    assert board.notes == ["working", "safe_mode", "working"], board.notes


async def test_quiet_has_no_tone_and_a_stronger_motor():
    play, board = player()
    play.play("working")
    loud = board.motor.duties[-1]
    play.quiet = True
    play.play("working")
    assert board.motor.duties[-1] > loud
    assert board.buzzer.duties[-1] == 0


async def test_quiet_leaves_every_meaning_on_motor_and_light_and_growing():
    play, board = player()
    play.quiet = True
    strongest = []
    for name in ("hold", "working", "stored", "accepted", "taken", "not_sent", "closed"):
        start = len(board.motor.duties)
        lit = sum([sum(led.duties) for led in board.led])
        play.play(name)
        await settle(length_ms(name))
        strongest.append(max(board.motor.duties[start:]))
        assert sum([sum(led.duties) for led in board.led]) > lit, name
        if name == "hold":
            felt = board.motor.duties[start:-1]
            assert len(set(felt)) == len(felt), "each tick stronger than the last"
        play.silence()
    assert not any(board.buzzer.duties)
    _, working, stored, accepted, taken, not_sent, closed = strongest
    assert working < stored < accepted <= taken == not_sent
    assert closed


async def test_countdown_grows_on_the_motor_also_when_it_is_quiet():
    for quiet in (False, True):
        play, board = player()
        play.quiet = quiet
        work = []
        for name in PULSES:
            start = len(board.motor.duties)
            play.play(name)
            await settle(length_ms(name))
            felt = [duty for duty in board.motor.duties[start:] if duty]
            work.append((max(felt), len(felt)))
        assert work == sorted(work)
        assert work[0][0] > 65_535 // 3, "felt under a sleeve from the beginning"
        assert work[-1][0] == 65_535
        assert any(board.buzzer.duties) is not quiet


async def test_pulse_of_a_countdown_waits_for_an_answer_and_leaves_what_stands():
    play, board = player()
    play.play("working")
    play.play("countdown")
    assert board.notes[-1] == "countdown"
    await settle(length_ms("countdown") + PAUSE_MS)
    assert board.notes[-1] == "working"
    play.play("accepted")
    play.play("countdown_2")
    assert board.notes[-1] == "accepted"
    await settle(length_ms("accepted"))
    assert board.notes[-1] == "countdown_2"


async def test_broken_motor_is_reported_and_the_others_still_play():
    play, board = player()
    board.motor.broken = True
    play.play("stored")
    await settle(length_ms("stored"))
    assert board.notes == ["stored"]
    assert any(board.buzzer.duties)
    assert any(board.led[2].duties)
    assert codes(play._faults) == [TASK_FAILED]


async def test_silence_ends_everything():
    play, board = player()
    play.play("not_sent")
    play.silence()
    await settle()
    assert board.motor.duties[-1] == board.buzzer.duties[-1] == 0
    await settle(60_000)
    assert board.notes == ["not_sent"]


def test_every_told_state_has_a_pattern():
    told = [name for row in help_.TOLD.values() for name in row if name]
    assert all([name in NAMES for name in told])


def test_meanings_grow_stronger_and_not_sent_is_unlike_them():
    nearer = [pattern(name) for name in ("working", "stored", "accepted", "taken")]
    for i in range(len(nearer) - 1):
        weaker, stronger = nearer[i], nearer[i + 1]
        assert max(stronger.rhythm) >= max(weaker.rhythm)
        assert sum(map(int, stronger.rhythm)) > sum(map(int, weaker.rhythm))
        assert stronger.tone_hz > weaker.tone_hz
    # Pulses of help last 300 ms and more, those of "not sent" 100 ms: told apart under a sleeve.
    for said in nearer:
        assert min([len(pulse) for pulse in said.rhythm.split("0") if pulse]) >= 3
    assert max([len(pulse) for pulse in pattern("not_sent").rhythm.split("0")]) == 1


def test_every_meaning_is_felt_heard_and_seen():
    for name in NAMES:
        said = pattern(name)
        assert any([digit != "0" for digit in said.rhythm])
        assert said.tone_hz or name in ("hold", "fault"), name
        assert 0 < said.colour < 8


def test_tones_are_low_enough_for_older_ears_and_colour_never_speaks_alone():
    assert all([pattern(name).tone_hz <= 2_000 for name in NAMES])
    rhythms = [pattern(name).rhythm for name in NAMES]
    assert len(set(rhythms)) == len(rhythms)


main(globals())
