# SPDX-License-Identifier: Apache-2.0
"""The simulated modem answers as 3GPP TS 27.007 has it, and keeps its state as the part does."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

import pytest

from hardware.simulated.chips.eg915u import COMMAND, DATA, EG915U, KEY_MS, OFF, STARTING

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


def test_without_a_card_there_is_no_network(desk: Desk) -> None:
    desk.modem.set(sim=False)
    assert desk.say("AT+CPIN?") == "+CME ERROR: 10"
    assert desk.say("AT+CEREG?") == "+CEREG: 0,2\nOK"


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
