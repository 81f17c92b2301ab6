# SPDX-License-Identifier: Apache-2.0
# drivers/eg915u_wake.py, and a modem that hangs, restarts or cannot be woken.

import asyncio
import time

from links_chip import DATA, Chip, Pin, SharingChip, SleepyChip
from links_ppp import PPP, SharedPPP, attached, fails, linked, sharing, takes_ms
from single import main, until

from opaska_band.drivers.eg915u import EG915U


async def dozing():
    chip = SleepyChip()
    link = linked(chip, [("127.0.0.1", 1)])
    PPP.PPP = SharedPPP
    SharedPPP.chip, SharedPPP.on = chip, (2,)
    link.modem = EG915U(chip, power_key=chip.power_key, dtr=chip.dtr, ring=chip.ring)
    await link.attach()
    return chip, link


async def test_after_a_quiet_time_it_may_sleep_and_is_woken_before_it_is_spoken_to():
    chip, link = await dozing()
    assert link.modem.is_awake
    for _ in range(3):
        await asyncio.sleep_ms(1_999)
        assert link.modem.is_awake
        await asyncio.sleep_ms(1)
        assert not link.modem.is_awake
        assert chip.asleep
        assert link.attached, "the call goes on"
        await link.modem.ask(b"AT+QGPS?")
        assert link.modem.is_awake
    assert chip.lost == b""


async def test_a_lost_word_about_sleep_does_not_keep_it_awake():
    _, link = await dozing()
    command, lost = link.modem.command, []

    async def once_lost(line, *args, **more):
        if line not in lost:
            lost.append(line)
            raise OSError("no answer from the modem")
        return await command(line, *args, **more)

    link.modem.command = once_lost
    await link.modem.rest()
    assert lost == [b"AT&D0", b"AT+QSCLK=1"]
    await until(lambda: not link.modem.is_awake)


async def test_a_modem_that_rings_or_speaks_is_listened_to():
    chip, link = await dozing()
    for happen in (chip.ring.fall, lambda: (chip.side.send(2, 0xEF, b"~ppp~"), chip._ring())):
        await until(lambda: not link.modem.is_awake)
        assert chip.asleep
        happen()
        assert link.modem.is_awake
        assert not chip.asleep


async def test_a_modem_that_knows_no_sleep_is_held_awake():
    chip, link = sharing()
    await link.attach()
    await asyncio.sleep_ms(10_000)
    assert link.modem.is_awake
    assert chip.state == DATA, "DTR would have ended the call"


async def test_a_modem_left_asleep_by_a_reset_is_woken_and_dials_anew():
    chip, link = await dozing()
    await until(lambda: not link.modem.is_awake)
    assert chip.asleep
    chip.irq(None)
    link.modem = EG915U(chip, dtr=chip.dtr, ring=chip.ring)
    chip.dtr.value(0)  # as the board's pin is made
    await link.attach()
    assert link.attached
    await until(lambda: not link.modem.is_awake)
    assert chip.asleep


async def test_without_a_network_it_searches_in_its_sleep_and_is_looked_after_now_and_then():
    chip, link = await dozing()
    chip.covered = False
    chip.hang_up()
    for takes_s, is_awaited in ((91, False), (0, False), (0, False), (21, True), (0, False)):
        link.is_awaited = lambda awaited=is_awaited: awaited
        took_ms = await takes_ms(fails(link.attach(), "no network"))
        assert took_ms // 1000 == takes_s, took_ms
        await until(lambda: not link.modem.is_awake)
        assert chip.asleep
    chip.covered = True
    await link.attach()
    assert link.attached


async def test_a_modem_that_cannot_be_woken_is_restarted_and_soon_held_awake():
    chip, link = await dozing()
    chip.is_cut = True
    for _ in range(2):
        await until(lambda: not link.modem.is_awake)
        assert await attached(link, 4)
    await asyncio.sleep_ms(10_000)
    assert link.modem.is_awake
    assert link.attached


async def test_crashes_of_a_modem_that_can_be_woken_do_not_keep_it_awake():
    chip, link = await dozing()
    for _ in range(4):  # now and then in a year
        await until(lambda: not link.modem.is_awake)
        await link.modem.ask(b"AT+QGPS?")  # it wakes
        await until(lambda: not link.modem.is_awake)
        await chip._toggle()  # off, by itself
        assert await attached(link, 4)
    await until(lambda: not link.modem.is_awake)
    assert chip.asleep


async def test_a_modem_that_is_dead_or_brings_no_link_lets_the_processor_sleep_between_tries():
    dead = Chip(on=False)
    dead.power_key = Pin(bool)
    for chip, on in ((dead, ()), (SharingChip(), ()), (SleepyChip(), ())):
        link = linked(chip, [("127.0.0.1", 1)])
        PPP.PPP = SharedPPP
        SharedPPP.chip, SharedPPP.on = chip, on
        for _ in range(3):
            await fails(link.attach(), "")
            await until(lambda modem=link.modem: not modem.is_awake)


async def test_a_modem_whose_radio_hangs_begins_from_scratch_sooner_when_an_sos_waits():
    for is_awaited, patience_ms in ((True, 600_000), (False, 6 * 3_600_000)):
        for at_ms in (patience_ms - 1, patience_ms):
            begin = time.ticks_ms()
            chip, link = await dozing()
            link.is_awaited = lambda awaited=is_awaited: awaited
            chip.is_stuck = True
            chip.hang_up()
            await fails(link.attach(), "no network")
            await asyncio.sleep_ms(at_ms - time.ticks_diff(time.ticks_ms(), begin))
            assert await attached(link, 1) == (at_ms == patience_ms)
            assert chip.restarts == (at_ms == patience_ms)


async def test_a_modem_that_restarted_unheard_is_found_out_before_a_connection_waits_in_vain():
    chip, link = await dozing()
    SharedPPP.isconnected = lambda self: True  # it does not see that
    chip.irq(None)  # the processor sleeps
    chip.restart()
    chip.received[:] = b""
    assert link.attached
    await fails(link.open_stream(), "-202")  # there are no sockets here
    assert chip.call == 2


async def test_one_that_is_touched_does_not_wait_for_it_to_wake_when_there_is_something_to_say():
    _, link = await dozing()
    for touched in (False, True):
        await until(lambda: not link.modem.is_awake)
        if touched:
            link.modem.heard()
            await asyncio.sleep_ms(500)  # the hold
        begin = time.ticks_ms()
        link.modem._wake.speak()
        assert time.ticks_diff(time.ticks_ms(), begin) == (0 if touched else 50)


main(globals())
