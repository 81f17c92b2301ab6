# SPDX-License-Identifier: Apache-2.0
# A SIM card that is missing, locked or unreadable: what the driver and the link make of it.

import asyncio

from links_chip import SharingChip
from links_ppp import PPP, SharedPPP, fails, linked
from single import main, until

AGAIN_MS = 300_000


class CardChip(SharingChip):
    """Looks at its card when it starts, and then sees it fail, but not that it is mended."""

    card = "+CPIN: READY"

    def __init__(self):
        super().__init__()
        self.seen = self.card
        self.has_words = False
        self.asked = 0

    def put(self, card):
        self.card = card
        if not card.endswith(": READY"):
            self.seen = card

    def restart(self):
        self.seen = self.card
        self.has_words = False
        super().restart()

    def _obey(self, line):
        if line == "AT+CMEE=2":
            self.has_words = True
            self._say("OK")
        elif line != "AT+CPIN?":
            super()._obey(line)
        else:
            self.asked += 1
            self._tell()

    def _tell(self):
        if self.seen.startswith("+CPIN"):
            self._say("+QIND: SMS DONE", self.seen, "OK")
        elif self.seen:
            self._say(self.seen if self.has_words else "ERROR")
        else:
            self._say("OK")


def band():
    chip = CardChip()
    link, told = linked(chip, [("127.0.0.1", 1)]), []
    PPP.PPP = SharedPPP
    SharedPPP.chip, SharedPPP.on = chip, (2,)
    link.on_trouble = told.append
    return chip, link, told


async def test_what_is_wrong_with_a_card_is_told_in_the_words_of_the_modem():
    for said, word in (
        ("+CPIN: SIM PIN", "SIM PIN"),
        ("+CPIN: SIM PUK", "SIM PUK"),
        ("+CPIN: PH-NET PIN", "PH-NET PIN"),
        ("+CPIN: NOT READY", "NOT READY"),
        ("+CME ERROR: SIM not inserted", "SIM not inserted"),
        ("+CME ERROR: 13", "13"),
        ("ERROR", "ERROR"),
    ):
        chip, link, told = band()
        chip.put(said)
        await fails(link.attach(), "card: " + word)
        assert told == [word], told
        assert link.modem.trouble == word


async def test_codes_that_no_band_needs_and_a_modem_that_says_nothing_are_no_trouble():
    for said in ("+CPIN: SIM PIN2", "+CPIN: SIM PUK2", ""):
        chip, link, told = band()
        chip.seen = said
        await link.attach()
        assert link.modem.trouble == ""
        assert told == []


async def test_a_card_that_starts_slowly_is_waited_for_and_is_no_trouble():
    chip, link, told = band()
    chip.put("+CME ERROR: SIM busy")
    waiting = asyncio.create_task(link.attach())
    await until(lambda: chip.asked > 3)
    chip.seen = "+CPIN: READY"
    await waiting
    assert told == []


async def test_a_locked_card_is_told_at_once_and_any_other_is_asked_for_some_seconds():
    for said, is_asked_again in (("+CPIN: SIM PIN", False), ("+CME ERROR: SIM failure", True)):
        chip, link, _ = band()
        chip.put(said)
        await fails(link.attach(), "card: ")
        assert (chip.asked > 1) == is_asked_again, chip.asked


async def test_a_card_in_trouble_is_told_once_until_it_is_another_trouble_or_mended():
    chip, link, told = band()
    for said, tries, words in (
        ("+CPIN: SIM PIN", 3, ["SIM PIN"]),
        ("+CPIN: SIM PUK", 2, ["SIM PIN", "SIM PUK"]),
    ):
        chip.put(said)
        for _ in range(tries):
            await fails(link.attach(), "card: ")
            await asyncio.sleep_ms(AGAIN_MS)
        assert told == words, told
    chip.put("+CPIN: READY")
    await link.attach()
    assert link.modem.trouble == ""
    chip.put("+CPIN: SIM PUK")
    await fails(link.attach(), "card: ")
    assert told == ["SIM PIN", "SIM PUK", "SIM PUK"]


async def test_a_card_in_trouble_is_looked_for_anew_now_and_then_and_at_once_when_an_sos_waits():
    chip, link, _ = band()
    chip.put("+CME ERROR: SIM not inserted")
    for pause_ms, is_awaited, restarts in (
        (0, False, 0),
        (AGAIN_MS // 2, False, 0),
        (AGAIN_MS, False, 1),
        (1_000, True, 2),
        (1_000, False, 2),
    ):
        link.is_awaited = lambda awaited=is_awaited: awaited
        await asyncio.sleep_ms(pause_ms)
        asked = chip.asked
        await fails(link.attach(), "card: SIM not inserted")
        assert chip.restarts == restarts
        assert (chip.asked > asked) == (pause_ms in (0, AGAIN_MS) or is_awaited)
    chip.put("+CPIN: READY")
    await asyncio.sleep_ms(AGAIN_MS)
    await link.attach()
    await link.attach()
    assert chip.restarts == 3, "and it is left alone then"


async def test_a_modem_that_falls_silent_is_no_trouble_of_the_card():
    chip, link, told = band()
    chip._tell = lambda: None
    await fails(link.attach(), "no answer")
    assert (link.modem.trouble, told) == ("", [])


async def test_no_network_after_a_mended_card_is_no_trouble_of_the_card():
    chip, link, told = band()
    chip.put("+CPIN: SIM PIN")
    await fails(link.attach(), "SIM PIN")
    await asyncio.sleep_ms(AGAIN_MS)
    chip.put("+CPIN: READY")
    chip.covered = False
    await fails(link.attach(), "no network")
    assert link.modem.trouble == ""
    assert told == ["SIM PIN"]


main(globals())
