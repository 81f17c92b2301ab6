# SPDX-License-Identifier: Apache-2.0
"""The simulated modem answers as 3GPP TS 27.007 has it, and keeps its state as the part does."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

import pytest

from hardware.simulated.chips.eg915u import COMMAND, DATA, EG915U, KEY_MS, OFF, STARTING
from hardware.simulated.chips.eg915u_card import NO_CARD, READY, UNREADABLE
from hardware.simulated.chips.eg915u_gnss import Sky
from hardware.simulated.chips.eg915u_mux import fcs
from opaska_band.senses.nmea import Nmea

if TYPE_CHECKING:
    from collections.abc import Callable

UTC = (2026, 11, 21, 19, 36, 5)


class Desk:
    """A modem on a desk: its serial port, and time that passes when told to."""

    def __init__(self) -> None:
        self._now_ms = 0.0
        self._numbers = itertools.count()
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self.modem = EG915U(self._after, lambda: UTC)
        self.heard = b""
        self.modem.to_host = self._hear

    def _after(self, ms: float, function: Callable[[], None]) -> None:
        heapq.heappush(self._alarms, (self._now_ms + ms, next(self._numbers), function))

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def pass_ms(self, ms: float) -> None:
        end_ms = self._now_ms + ms
        while self._alarms and self._alarms[0][0] <= end_ms:
            self._now_ms, _, function = heapq.heappop(self._alarms)
            function()
        self._now_ms = end_ms

    def say(self, text: str) -> str:
        """What comes back for a line, without the echo."""
        self.heard = b""
        self.modem.from_host(text.encode() + b"\r")
        self.pass_ms(1)
        return self.heard.decode().removeprefix(text + "\r").strip().replace("\r\n\r\n", "\n")


@pytest.fixture
def desk() -> Desk:
    """Powered up, started and registered."""
    desk = Desk()
    desk.modem.power_on()
    desk.pass_ms(1000)
    assert desk.heard == b"\r\nRDY\r\n"
    return desk


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("AT", "OK"),
        ("at+cpin?", "+CPIN: READY\nOK"),
        ("AT+CSQ", "+CSQ: 18,99\nOK"),  # -77 dBm
        ("AT+CEREG?", "+CEREG: 0,1\nOK"),
        ("AT+CREG?", "+CREG: 0,1\nOK"),
        ("AT+CGATT?", "+CGATT: 1\nOK"),
        ('AT+CGDCONT=1,"IP","internet"', "OK"),
        ("AT+CCLK?", '+CCLK: "26/11/21,19:36:05+00"\nOK'),
        ("AT&F", "OK"),
        ("AT+CMEE=2", "OK"),
        ("AT+NONSENSE", "ERROR"),
        ("ATO", "NO CARRIER"),
        ("ATH", "OK"),
        ("no command", ""),
    ],
)
def test_commands_are_answered(desk: Desk, command: str, answer: str) -> None:
    assert desk.say(command) == answer


def test_echo_is_on_until_it_is_switched_off(desk: Desk) -> None:
    desk.say("AT")
    assert desk.heard == b"AT\r\r\nOK\r\n"
    desk.say("ATE0&D2")
    desk.say("AT")
    assert desk.heard == b"\r\nOK\r\n"
    desk.say("ATE1")
    desk.say("AT")
    assert desk.heard.startswith(b"AT\r")


def test_several_commands_and_pieces_of_them_are_put_together(desk: Desk) -> None:
    desk.say("ATE0")
    desk.heard = b""
    for piece in (b"A", b"T\r\nAT+C", b"SQ\r", b"AT\r"):
        desk.modem.from_host(piece)
    assert desk.heard == b"\r\nOK\r\n\r\n+CSQ: 18,99\r\n\r\nOK\r\n\r\nOK\r\n"


def test_dialling_leads_to_data_mode_where_no_command_is_heard(desk: Desk) -> None:
    assert desk.say("ATD*99***1#") == "CONNECT"
    assert desk.modem.state == DATA
    desk.heard = b""
    desk.modem.from_host(b"AT\r")
    assert desk.heard == b""
    desk.modem.from_host(b"+++")
    assert desk.modem.state == COMMAND
    assert desk.heard == b"\r\nOK\r\n"
    assert desk.say("ATO") == "CONNECT"
    desk.modem.from_host(b"+++")
    assert desk.say("ATH") == "NO CARRIER\nOK"
    assert desk.say("ATO") == "NO CARRIER"


def test_letting_go_of_dtr_ends_the_call(desk: Desk) -> None:
    desk.modem.data_terminal_ready(True)
    desk.say("ATD*99***1#")
    desk.modem.data_terminal_ready(False)
    assert desk.modem.state == COMMAND
    assert desk.heard.endswith(b"\r\nNO CARRIER\r\n")
    assert desk.say("AT") == "OK"


def test_a_call_survives_a_reset_of_a_processor_that_never_held_dtr(desk: Desk) -> None:
    desk.say("ATD*99***1#")
    desk.modem.data_terminal_ready(False)
    assert desk.modem.state == DATA


def test_a_lost_network_ends_the_call_and_is_told_on_request(desk: Desk) -> None:
    changes: list[int] = []
    desk.modem.on_change = lambda: changes.append(desk.modem.state)
    desk.say("AT+CEREG=1")
    desk.say("ATD*99***1#")
    desk.heard = b""
    desk.modem.set(covered=False)
    assert desk.heard == b"\r\n+CEREG: 2\r\n\r\nNO CARRIER\r\n"
    assert changes == [DATA, COMMAND]
    assert desk.say("AT+CEREG?") == "+CEREG: 1,2\nOK"
    assert desk.say("AT+CSQ") == "+CSQ: 99,99\nOK"
    assert desk.say("ATD*99***1#") == "NO CARRIER"
    desk.modem.set(covered=True)
    desk.heard = b""
    desk.pass_ms(1000)
    assert desk.heard == b"\r\n+CEREG: 1\r\n"


def test_registration_is_told_of_the_kind_of_network_that_there_is(desk: Desk) -> None:
    assert desk.say("AT+CGREG?") == "+CGREG: 0,2\nOK"
    desk.modem.set(lte=False)
    assert desk.say("AT+CEREG?") == "+CEREG: 0,2\nOK"
    assert desk.say("AT+CGREG=2") == "OK"
    assert desk.say("AT+CGREG?") == '+CGREG: 2,1,"2B67","1B2C",0\nOK'
    assert desk.say("AT+CREG?") == "+CREG: 0,1\nOK"
    assert desk.say("ATD*99***1#") == "CONNECT"


@pytest.mark.parametrize(
    ("sim", "answer"),
    [
        (NO_CARD, "+CME ERROR: SIM not inserted"),
        (UNREADABLE, "+CME ERROR: SIM failure"),
        ("SIM PIN", "+CPIN: SIM PIN\nOK"),
    ],
)
def test_without_a_card_or_with_a_locked_one_there_is_no_network_until_it_restarts(
    desk: Desk, sim: str | int, answer: str
) -> None:
    desk.modem.set(sim=sim)
    told = [desk.say(f"AT+CMEE={kind}") and desk.say("AT+CPIN?") for kind in (0, 1, 2)]
    assert told[:2] == ([answer] * 2 if isinstance(sim, str) else ["ERROR", f"+CME ERROR: {sim}"])
    assert told[2] == answer
    desk.modem.set(sim=READY)
    desk.pass_ms(1000)
    assert desk.say("AT+CPIN?") == answer, "nothing detects a card"
    assert desk.say("AT+CEREG?") == "+CEREG: 0,2\nOK"
    desk.say("AT+CFUN=1,1")
    desk.pass_ms(1000)
    assert desk.say("AT+CPIN?") == "+CPIN: READY\nOK"
    assert desk.say("AT+CEREG?") == "+CEREG: 0,1\nOK"


@pytest.mark.parametrize(("dbm", "rssi"), [(-120, 0), (-113, 0), (-77, 18), (-51, 31), (-40, 31)])
def test_signal_strength_is_told_in_steps_of_two_db(desk: Desk, dbm: int, rssi: int) -> None:
    desk.modem.set(signal_dbm=dbm)
    assert desk.say("AT+CSQ") == f"+CSQ: {rssi},99\nOK"


def test_the_power_key_must_be_held_long_enough(desk: Desk) -> None:
    desk.modem.power_key(True)
    desk.pass_ms(KEY_MS - 1)
    desk.modem.power_key(False)
    desk.pass_ms(KEY_MS)
    assert desk.modem.state == COMMAND
    desk.modem.power_key(True)
    desk.pass_ms(KEY_MS + 1)
    assert desk.modem.state == OFF
    assert desk.say("AT") == ""
    desk.modem.power_key(False)
    desk.modem.power_key(True)
    desk.pass_ms(KEY_MS + 1)
    assert desk.modem.state == STARTING
    assert desk.say("AT") == ""
    desk.pass_ms(1000)
    assert desk.say("AT") == "OK"


def test_alarms_of_an_earlier_start_are_void(desk: Desk) -> None:
    desk.say("AT+QPOWD=1")
    assert desk.modem.state == OFF
    desk.modem.power_on()
    desk.modem.power_off()
    desk.pass_ms(5000)
    assert desk.modem.state == OFF


def test_a_typing_error_in_the_world_is_told(desk: Desk) -> None:
    with pytest.raises(AttributeError, match="coverd"):
        desk.modem.set(coverd=False)


def test_cfun_1_1_restarts_it_from_scratch(desk: Desk) -> None:
    assert desk.say('AT+CEDRXS=1,4,"0010"') == "OK"
    assert desk.say("AT+CFUN=1,1") == "OK"
    desk.heard = b""
    desk.pass_ms(1000)
    assert b"RDY" in desk.heard
    assert desk.modem.edrx == ""


FRAMES_THAT_OPEN = (
    (b"\xf9\x03\x3f\x01\x1c\xf9", b"\xf9\x03\x73\x01\xd7\xf9"),
    (b"\xf9\x07\x3f\x01\xde\xf9", b"\xf9\x07\x73\x01\x15\xf9"),
    (b"\xf9\x0b\x3f\x01\x59\xf9", b"\xf9\x0b\x73\x01\x92\xf9"),
)  # as modem makers print them
CLOSE_DOWN = b"\xf9\x03\xef\x05\xc3\x01\xf2\xf9"


@pytest.fixture
def shared(desk: Desk) -> Desk:
    """Its port is shared by lines, of which 1 and 2 are open."""
    desk.say("ATE0")
    assert desk.say("AT+CMUX=0,0,5,127") == "OK"
    for asked, answer in FRAMES_THAT_OPEN:
        desk.heard = b""
        desk.modem.from_host(asked)
        assert desk.heard.startswith(answer)
    return desk


def on_line(desk: Desk, line: int, text: str) -> bytes:
    """What comes back on that line; echo is part of it."""
    data = text.encode() + b"\r"
    head = bytes([line << 2 | 3, 0xEF, len(data) << 1 | 1])
    desk.heard = b""
    desk.modem.from_host(b"\xf9" + head + data + bytes([fcs(head), 0xF9]))
    desk.pass_ms(1)
    heard = b""
    rest = desk.heard
    while rest:
        size = rest[3] >> 1
        assert rest[0] == rest[size + 5] == 0xF9
        assert rest[size + 4] == fcs(rest[1:4])
        if rest[1] >> 2 == line:
            heard += rest[4 : 4 + size]
        rest = rest[size + 6 :]
    return heard


def test_beside_a_data_call_commands_are_heard_on_another_line(shared: Desk) -> None:
    assert on_line(shared, 2, "ATD*99***1#").endswith(b"CONNECT\r\n")
    assert shared.modem.state == DATA
    assert on_line(shared, 2, "AT") == b"", "PPP"
    assert on_line(shared, 1, "AT+CSQ").endswith(b"+CSQ: 18,99\r\n\r\nOK\r\n")


def test_closing_down_ends_the_call_and_gives_the_bare_port_back(shared: Desk) -> None:
    on_line(shared, 2, "ATD*99***1#")
    shared.modem.from_host(CLOSE_DOWN)
    assert shared.modem.state == COMMAND
    assert shared.say("AT") == "OK"


def test_a_modem_that_shares_its_port_understands_nothing_else(shared: Desk) -> None:
    assert shared.say("AT") == ""
    shared.modem.from_host(CLOSE_DOWN + b"\r")
    assert shared.say("AT") == "OK"


def test_position_is_told_only_when_it_is_on_and_has_found_one(desk: Desk) -> None:
    desk.say("ATE0")
    gnss = desk.modem.gnss
    gnss.sky = Sky(52.2242667, 21.0123)
    assert desk.say('AT+QGPSGNMEA="RMC"') == "+CME ERROR: 505"
    assert desk.say("AT+QGPS=1") == "OK"
    assert desk.say("AT+QGPS=1") == "+CME ERROR: 504"
    assert ",V," in desk.say('AT+QGPSGNMEA="RMC"')
    desk.pass_ms(gnss.first_fix_ms)
    nmea = Nmea()
    asked = [desk.say(f'AT+QGPSGNMEA="{kind}"') for kind in ("RMC", "GGA")]
    (fix,) = nmea.feed("".join(answer.replace("\n", "\r\n") for answer in asked).encode())
    assert (fix.lat_e7, fix.lon_e7, fix.date) == (522242667, 210123000, (2026, 11, 21))
    assert (fix.satellites, fix.hdop_tenths) == (9, 11)
    gnss.sky = None
    assert ",0," in desk.say('AT+QGPSGNMEA="GGA"')
    assert desk.say("AT+QGPSEND") == "OK"
    assert desk.say("AT+QGPSEND") == "+CME ERROR: 505"


def test_cell_is_told_when_it_is_asked_for(desk: Desk) -> None:
    desk.say("AT+CEREG=2")
    assert desk.say("AT+CEREG?") == '+CEREG: 2,1,"2B67","000A1B2C",7\nOK'
    desk.say("AT+COPS=3,2")
    assert desk.say("AT+COPS?") == '+COPS: 0,2,"26003",7\nOK'
