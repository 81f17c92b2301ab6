# SPDX-License-Identifier: Apache-2.0
# drivers/eg915u.py, drivers/at.py and links/cellular.py with a small modem in memory.

import asyncio
import random

from links_chip import COMMAND, DATA, Chip, Pin
from links_ppp import PPP, BlindPPP, SharedPPP, attached, fails, linked, sharing, takes_ms
from single import main, until

from opaska_band.drivers import at
from opaska_band.drivers.eg915u import EG915U
from opaska_band.links.cellular import parse_apn, parse_brokers


async def test_a_running_modem_attaches_and_tells_the_signal():
    modem = Chip()
    modem.rssi = 11
    one = EG915U(modem)
    await one.start()
    await one.attach("internet")
    assert one.signal_dbm == -91
    await one.dial()
    await until(lambda: modem.state == DATA)


async def test_a_modem_that_is_off_is_switched_on():
    modem = Chip(on=False)
    one = EG915U(modem, power_key=modem.power_key, dtr=modem.dtr)
    await one.start()
    assert modem.state == COMMAND


async def test_a_modem_left_in_a_call_by_a_reset_is_brought_back():
    for pins in ({}, {"dtr": None}):
        modem = Chip()
        one = EG915U(modem)
        await one.start()
        await one.attach()
        await one.dial()
        await until(lambda one=modem: one.state == DATA)
        again = EG915U(modem, dtr=modem.dtr if pins else None)
        await again.start()
        assert modem.state == COMMAND
        await again.attach()


async def test_without_card_or_network_it_says_so():
    modem = Chip()
    modem.sim = False
    one = EG915U(modem)
    await one.start()
    await fails(one.attach(), "card: 10")
    modem.sim, modem.covered = True, False
    assert await takes_ms(fails(one.attach(), "no network")) == 91_000
    await fails(one.dial(), "NO CARRIER")


async def test_gsm_is_a_network_where_there_is_no_lte():
    modem = Chip()
    modem.lte = False
    one = EG915U(modem)
    await one.start()
    await one.attach()
    await one.dial()
    await until(lambda: modem.state == DATA)


async def test_a_modem_that_attached_with_another_access_point_begins_anew_and_once():
    for shares in (True, False):
        chip, link = sharing()
        one = link.modem
        one.shares = shares
        for apn, restarts in (("", 0), ("m2m.example", 1), ("m2m.example", 1)):
            await one.start()
            await one.attach(apn)
            await one.dial()
            assert (chip.taken_apn, chip.restarts) == (apn, restarts), shares
        again = EG915U(chip, dtr=chip.dtr)  # after the band's restart it has the right one
        await again.start()
        await again.attach("m2m.example")
        assert chip.restarts == 1
    chip.apn = "m2m.example.mnc003.mcc260.gprs"  # as a network may complete it, TS 23.003, 9.1
    again = EG915U(chip, dtr=chip.dtr)
    await again.start()
    await again.attach("M2M.example")
    assert chip.restarts == 1


async def test_a_modem_that_keeps_no_access_point_is_not_restarted_for_ever():
    for forgotten in ("other", ""):
        await keeps_no_access_point(forgotten)


async def keeps_no_access_point(apn):
    chip, link = sharing()
    for _ in range(3):
        await link.modem.start()
        chip.apn = apn
        await link.modem.attach("m2m.example")
    assert chip.restarts == 1


async def test_a_dead_modem_is_no_endless_wait():
    modem = Chip(on=False)
    one = EG915U(modem, power_key=Pin(bool))  # a broken wire
    assert 15_000 <= await takes_ms(fails(one.start(), "does not answer")) <= 22_000


async def test_what_follows_connect_belongs_to_ppp():
    modem = Chip()
    one = EG915U(modem)
    await one.start()
    await one.attach()
    modem.after_connect = b"~\xff}#"
    await one.dial()
    assert modem.received == b"~\xff}#", modem.received


async def test_noise_on_the_line_ends_in_a_modem_error():
    random.seed(3)
    words = (b"OK", b"\r\n", b"+CEREG:", b"+CSQ: ", b"ERROR", b",", b"1", b"\xff\x00", b"CONNECT")
    for _ in range(300):
        modem = Chip()
        noise = b"".join([random.choice(words) for _ in range(random.getrandbits(5))])
        modem.write = lambda data, m=modem, n=noise: m.received.extend(n)
        one = EG915U(modem)
        for ask in (b"AT+CEREG?", b"AT+CSQ"):
            try:
                lines = await one.command(ask, wait_ms=100)
            except OSError:
                continue
            at.is_registered(lines)
            assert -113 <= (at.dbm(lines) or -113) <= -51


def test_signal_strength_by_the_standard():
    for answer, dbm in (
        (b"+CSQ: 0,99", -113),
        (b"+CSQ: 31,0", -51),
        (b"+CSQ: 99,99", None),
        (b"+CSQ: x", None),
        (b"", None),
    ):
        assert at.dbm([answer]) == dbm, answer


def test_registration_by_the_standard():
    for answer, registered in (
        (b"+CEREG: 0,1", True),
        (b"+CEREG: 2,5", True),
        (b'+CEREG: 2,5,"1A2B","01C3D4E5",7', True),
        (b"+CGREG: 0,1", True),
        (b'+CGREG: 2,5,"1A2B","3C4D",0', True),
        (b"+CREG: 0,1", False),  # speech alone
        (b"+CEREG: 0,2", False),
        (b"+CEREG: 0,3", False),
        (b"+CEREG: 1", False),
        (b"+CSQ: 1,1", False),
    ):
        assert at.is_registered([answer]) == registered, answer


def test_brokers_are_read_or_refused_with_a_sentence():
    assert parse_brokers("a.example:8883") == [("a.example", 8883)]
    assert parse_brokers("10.0.0.1:1, b:2") == [("10.0.0.1", 1), ("b", 2)]
    for text in ("", "a", "a:", ":1", "a:0", "a:65536", "a:x", "a:1,", "a:-1"):
        said = ""
        try:
            parse_brokers(text)
        except ValueError as error:
            said = str(error)
        assert "host:port" in said, text


def test_an_apn_is_taken_or_refused_with_a_sentence():
    for text in ("", "internet", "m2m.Operator-1.pl", "a" * 63):
        assert parse_apn(text) == text
    for text in ('a"', "a,b", "a b", "a\r", "a;b", "\u0142", "a" * 64):
        said = ""
        try:
            parse_apn(text)
        except ValueError as error:
            said = str(error)
        assert "letters" in said, text


async def test_a_lost_call_is_dialled_again():
    modem = Chip()
    link = linked(modem, [("127.0.0.1", 1)])
    await link.attach()
    modem.hang_up()
    assert not link.attached
    await link.attach()
    assert link.attached
    assert PPP.made == 2


async def test_when_nothing_opens_the_call_is_made_anew():
    link = linked(Chip(), [("127.0.0.1", 1), ("127.0.0.1", 2)])
    for _ in range(8):
        await fails(link.open_stream(), "-202")
    assert PPP.made == 3


async def test_ppp_that_does_not_come_up_is_given_up():
    PPP.works = False
    modem = Chip()
    link = linked(modem, [("127.0.0.1", 1)])
    assert 20_000 < await takes_ms(fails(link.open_stream(), "PPP does not")) <= 20_200
    PPP.works = True


async def test_a_lost_call_over_a_shared_port_is_dialled_again():
    chip, link = sharing()
    await link.attach()
    assert chip.call == 2
    assert link.modem.can_talk
    for _ in range(3):
        chip.hang_up()
        assert not link.attached
        await link.attach()
        assert chip.call == 2
        assert link.attached


async def test_a_port_whose_lines_are_shut_or_deaf_is_used_alone():
    for shut, deaf in (((0,), ()), ((2,), ()), ((), (1,)), ((), (2,)), ((), (1, 2))):
        chip, link = sharing()
        chip.shut, chip.deaf = shut, deaf
        assert await attached(link, 3), (shut, deaf)
        assert chip.call == 0
        assert not link.modem.can_talk
        for _ in range(2):  # it may have been the network, or a bad moment
            chip.hang_up()
            assert await attached(link, 3), (shut, deaf)
        chip.hang_up()
        assert await attached(link, 1), (shut, deaf)


async def test_a_modem_that_stays_deaf_when_it_shares_is_restarted_and_not_asked_to_again():
    chip, link = sharing()
    chip.shut, chip.deaf = (1,), (0,)
    await fails(link.attach(), "")
    chip.restart()  # by PWRKEY
    await link.attach()
    assert chip.call == 0


async def test_a_lost_yes_to_sharing_costs_one_try_and_neither_the_key_nor_the_lines():
    chip, link = sharing()
    pressed = []
    link.modem = EG915U(chip, power_key=Pin(pressed.append), dtr=chip.dtr)
    chip.is_hoarse = True
    assert await takes_ms(fails(link.attach(), "no answer")) <= 3_000
    chip.is_hoarse = False
    assert await takes_ms(link.attach()) <= 3_000
    assert link.modem.can_talk
    assert not pressed, "that would have switched it off"


async def test_one_slow_word_is_no_reason_to_stop_sharing():
    chip, link = sharing()
    chip.deaf = (1,)
    await fails(link.attach(), "no answer")
    chip.deaf = ()
    await link.attach()
    assert link.modem.can_talk


async def test_ppp_that_comes_up_over_the_bare_port_alone_gets_it():
    chip, link = sharing(on=(0,))
    assert await attached(link, 3)
    assert chip.call == 0


async def test_ppp_that_came_up_over_the_bare_port_in_a_bad_moment_shares_it_again():
    chip, link = sharing(on=(0,))
    assert await attached(link, 3)
    assert not link.modem.can_talk
    SharedPPP.on = (2,)
    chip.hang_up()
    await link.attach()
    assert link.modem.can_talk
    assert chip.call == 2


async def test_a_call_that_the_network_ends_at_once_is_not_waited_for():
    chip, link = sharing(on=())
    attaching = asyncio.create_task(fails(link.attach(), "PPP does not come up"))
    await until(lambda: chip.call == 2 and chip.state == DATA)
    chip.hang_up()
    assert await takes_ms(attaching) <= 200


async def test_no_coverage_is_no_reason_to_stop_sharing():
    chip, link = sharing()
    chip.covered = False
    await fails(link.attach(), "no network")
    chip.covered = True
    await link.attach()
    assert link.modem.can_talk


async def test_a_modem_that_was_left_in_the_middle_of_a_frame_hears_the_band_again():
    chip, link = sharing()
    await link.attach()
    for rest in (1, 4, 60, 127):  # bytes that the frame is still to have
        chip.write(b"\xf9\x0b\xef" + bytes((127 << 1 | 1,)) + bytes(127 - rest))
        chip.irq(None)  # of the band before its reset
        pressed = []
        again = EG915U(chip, power_key=Pin(pressed.append))
        await again.start()
        assert again.can_talk, rest
        assert not pressed, "that would have switched it off"


async def test_a_line_that_the_modem_closes_and_a_modem_that_restarts_are_no_link():
    for happen in (lambda chip: chip.close(2), lambda chip: chip.restart()):
        chip, link = sharing()
        await link.attach()
        SharedPPP.isconnected = lambda self: True  # it does not see that
        assert link.attached
        happen(chip)
        assert not link.attached
        await link.attach()
        assert link.attached


async def test_a_call_that_the_network_ends_is_no_link_though_ppp_does_not_see_it():
    chip, link = sharing()
    PPP.PPP = BlindPPP
    await link.attach()
    assert link.attached
    chip.hang_up()
    assert not link.attached
    await link.attach()
    assert link.attached


async def test_the_late_words_of_a_ppp_that_is_over_do_not_end_the_next_call():
    for shares in (True, False):
        chip, link = sharing()
        PPP.PPP = BlindPPP
        link.modem.shares = shares
        await link.attach()
        chip.hang_up()
        link.modem.shares = shares
        await link.attach()
        await asyncio.sleep_ms(20_000)
        assert chip.state == DATA, shares
        assert chip.call == (2 if shares else 0)
        assert chip.is_heard, shares


async def test_who_asks_beside_ppp_is_refused_while_ppp_has_the_port_alone():
    chip, link = sharing(on=(0,))
    assert await attached(link, 3)
    chip.received.extend(b"~ppp~")
    await fails(link.modem.ask(b"AT+QGPS?"), "no line")
    assert chip.received == b"~ppp~"


async def test_a_question_that_waits_while_the_call_is_lost_delays_it_by_a_second_at_most():
    chip, link = sharing()
    await link.attach()
    chip.hang_up()
    usual_ms = await takes_ms(link.attach())
    chip.deaf = (1,)
    asking = asyncio.create_task(fails(link.modem.ask(b"AT+QGPS?"), "no answer"))
    await asyncio.sleep_ms(0)
    late = asyncio.create_task(fails(link.modem.ask(b"AT+QGPS?"), "no line"))
    await asyncio.sleep_ms(0)
    chip.deaf = ()
    chip.hang_up()
    assert await takes_ms(link.attach()) == usual_ms + 1_000
    assert link.attached
    await asking
    await late


main(globals())
