# SPDX-License-Identifier: Apache-2.0
"""The simulated modem sleeps as AT+QSCLK=1 says, rings its host, and is paged by the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.simulated.chips.eg915u import DATA
from hardware.simulated.chips.eg915u_radio import CONNECTED_MS, DRX_MS, REPEAT_MS, UP, Radio
from hardware.simulated.chips.eg915u_sleep import RING_MS
from tests.hardware.test_eg915u import Desk

if TYPE_CHECKING:
    from collections.abc import Callable

DOWN = 1


class Sleeper(Desk):
    """Registered, dialled, allowed to sleep, and told so by DTR."""

    def __init__(self) -> None:
        super().__init__()
        self.rings: list[bool] = []
        self.written = self.freed = 0
        self.modem.sleep.on_ring = self.rings.append
        self.radio = Radio(self.modem, self._after, lambda: self._now_ms, self._write)
        self.radio.on_free = self._free
        self.modem.on_ppp = self.radio.heard_ppp
        self.modem.power_on()
        self.modem.data_terminal_ready(True)
        self.pass_ms(1000)
        for command in ("ATE0", "AT&D0", "AT+QSCLK=1"):
            assert self.say(command) == "OK"

    def _write(self) -> None:
        self.written += 1

    def _free(self) -> None:
        self.freed += 1

    def sleep(self) -> None:
        self.modem.data_terminal_ready(False)
        self.heard = b""
        self.rings.clear()

    def wake(self) -> None:
        self.modem.data_terminal_ready(True)
        self.pass_ms(self.modem.sleep.wake_ms)


@pytest.fixture
def desk() -> Sleeper:
    return Sleeper()


def test_asleep_it_hears_nothing_and_a_moment_after_dtr_it_does(desk: Sleeper) -> None:
    desk.sleep()
    assert desk.say("AT") == ""
    desk.modem.data_terminal_ready(True)
    assert desk.say("AT") == "", "not at once"
    assert desk.modem.sleep.lost == 6
    desk.pass_ms(desk.modem.sleep.wake_ms)
    assert desk.say("AT") == "OK"
    desk.say("AT+QSCLK=0")
    desk.sleep()
    assert desk.say("AT") == "OK", "it may not sleep"


def test_dtr_that_is_let_go_of_while_it_wakes_lets_it_sleep_on(desk: Sleeper) -> None:
    desk.sleep()
    desk.modem.data_terminal_ready(True)
    desk.pass_ms(1)
    desk.modem.data_terminal_ready(False)
    desk.pass_ms(1000)
    assert desk.say("AT") == ""


def test_a_call_lives_on_while_it_sleeps_if_dtr_may_not_end_it(desk: Sleeper) -> None:
    assert desk.say("ATD*99***1#") == "CONNECT"
    desk.sleep()
    assert desk.modem.state == DATA


def test_it_rings_before_it_speaks_to_a_host_that_does_not_listen(desk: Sleeper) -> None:
    desk.say("AT+CEREG=1")
    assert desk.rings == []
    desk.sleep()
    desk.modem.set(covered=False)
    assert desk.rings == [True]
    assert desk.heard == b"\r\n+CEREG: 2\r\n"
    desk.pass_ms(RING_MS)
    assert desk.rings == [True, False]


def test_power_off_forgets_that_it_may_sleep(desk: Sleeper) -> None:
    desk.sleep()
    desk.modem.power_off()
    desk.modem.power_on()
    desk.pass_ms(1000)
    assert desk.say("AT") == "OK"


def in_call(desk: Sleeper) -> Sleeper:
    assert desk.say("ATD*99***1#") == "CONNECT"
    desk.sleep()
    return desk


def test_what_the_host_sends_waits_until_the_modem_hears_it_and_is_sent_again(
    desk: Sleeper,
) -> None:
    radio = in_call(desk).radio
    assert not radio.carries(UP)
    assert not radio.carries(UP)
    assert desk.written == 1
    desk.modem.from_host(b"~ppp~")  # by a host that does not wake it first
    assert (desk.freed, radio.carries(UP)) == (0, False)
    desk.pass_ms(REPEAT_MS)
    assert desk.freed == 1
    assert not radio.carries(UP)
    assert desk.written == 2
    desk.wake()
    desk.modem.from_host(b"~ppp~")
    assert desk.freed == 2
    assert radio.carries(UP)


def page_ms(desk: Sleeper, ready: Callable[[], bool]) -> int:
    """How long something for the band waits."""
    waited_ms = 0
    while not ready():
        desk.pass_ms(10)
        waited_ms += 10
    return waited_ms


def test_what_is_for_the_band_waits_for_a_page_and_rings(desk: Sleeper) -> None:
    radio = in_call(desk).radio
    desk.pass_ms(2 * CONNECTED_MS)
    assert 0 < page_ms(desk, lambda: radio.carries(DOWN)) <= DRX_MS
    assert desk.rings == [True]
    assert desk.heard, "PPP"
    desk.rings.clear()
    desk.pass_ms(CONNECTED_MS // 2)
    assert page_ms(desk, lambda: radio.carries(DOWN)) <= 10, "the radio is still connected"


@pytest.mark.parametrize(
    ("asked", "granted", "most_ms"),
    [
        ('AT+CEDRXS=1,4,"0010"', True, 20_480),
        ('AT+CEDRXS=1,4,"0001"', True, 10_240),
        ('AT+CEDRXS=1,4,"0010"', False, DRX_MS),
        ("AT+CEDRXS=0", True, DRX_MS),
    ],
)
def test_edrx_is_what_was_asked_for_if_the_network_grants_it(
    desk: Sleeper, asked: str, granted: bool, most_ms: int
) -> None:
    desk.radio.grants_edrx = granted
    assert desk.say(asked) == "OK"
    assert desk.radio.paging_ms == most_ms
    desk.modem.power_off()
    assert desk.radio.paging_ms == DRX_MS


def test_edrx_of_another_radio_is_refused(desk: Sleeper) -> None:
    assert desk.say('AT+CEDRXS=1,5,"0010"') == "ERROR"
    assert desk.say("AT+CEDRXS=9") == "ERROR"
