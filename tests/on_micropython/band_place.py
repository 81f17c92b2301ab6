# SPDX-License-Identifier: Apache-2.0
# place.py with a modem that answers from a table: what a bad receiver or a bad file costs.

import asyncio
import time

from band_support import BOOT, details, faults, folder, settle
from single import main

from opaska_band.decisions.help import OpenReports
from opaska_band.decisions.zone import INSIDE, LEAVING, OUTSIDE, UNKNOWN
from opaska_band.place import Place
from opaska_protocol import reports
from opaska_protocol.orders import LOCATE, Order
from opaska_protocol.orders import ZONES as ORDER_ZONES

RMC = b"GNRMC,%s.00,A,5213.4560,N,02100.7380,E,0.0,,220326,,,A"
GGA = b"GNGGA,%s.00,5213.4560,N,02100.7380,E,1,09,%s,100.0,M,34.0,M,,"
ZONES = [[1, 522_242_700, 210_123_000, 300]]


def sentence(body):
    checksum = 0
    for byte in body:
        checksum ^= byte
    return b"+QGPSGNMEA: $%s*%02X" % (body, checksum)


class Modem:
    can_talk = True
    trouble = ""  # of its card

    def __init__(self):
        self.answers = {
            b"AT+QGPS?": [b"+CREG: 1", b"+QGPS: 0"],  # first a word that nobody asked for
            b"AT+COPS?": [b'+COPS: 0,2,"26003",7'],
            b"AT+CEREG?": [b'+CEREG: 2,1,"2B67","000A1B2C",7'],
        }
        self.asked = []

    def finds(self, time=b"120000", hdop=b"1.2"):
        self.answers[b'AT+QGPSGNMEA="RMC"'] = [sentence(RMC % time)]
        self.answers[b'AT+QGPSGNMEA="GGA"'] = [sentence(GGA % (time, hdop))]

    async def ask(self, line):
        self.asked.append(line)
        await asyncio.sleep_ms(0)
        answer = self.answers.get(line, [])
        if isinstance(answer, Exception):
            raise answer
        return answer


class Band:
    boot = BOOT
    generation = 3
    attached = True
    motion = None

    def __init__(self, storage=None):
        self.faults = faults()
        self.storage = storage or folder()
        self.modem = Modem()
        self.made = []
        self.telemetry = []
        self.reports = OpenReports()
        self.identity = self.cellular = self.outbox = self.sos = self.reporter = self
        self.uptime = self.wall = self
        self.place = Place(self)

    def ms(self):
        return 1_000 + time.ticks_ms()

    def report(self, what, fields=None):
        if fields is None:  # the wall time, at an uptime
            return [1, 1_800_000_000 + what // 1000, 1]
        reports.encode_report(what, dict(fields, uptime_ms=0))
        self.made.append(fields)
        return None

    async def look(self):
        await self.place._look()


def alarmed(storage=None):
    band = Band(storage)
    band.reports.opened(BOOT, 1)
    return band


async def test_a_fix_that_claims_nonsense_still_fits_into_an_alarm():
    band = alarmed()
    band.modem.finds(hdop=b"9" * 30)
    await band.look()
    assert band.made[0]["position"][:2] == [522_242_667, 210_123_000], band.made


async def test_a_cell_of_gsm_is_told_where_there_is_no_other():
    band = alarmed()
    band.modem.answers[b"AT+CEREG?"] = [b"+CEREG: 2,2"]
    band.modem.answers[b"AT+CGREG?"] = [b'+CGREG: 2,5,"1A2B","3C4D",0']
    await band.look()
    assert band.made[0]["cell"] == [260, 3, 0x1A2B, 0x3C4D], band.made


async def test_a_receiver_that_stands_still_tells_no_new_place():
    band = alarmed()
    band.modem.finds()
    await band.look()
    await asyncio.sleep_ms(600_000)
    await band.look()
    first, second = band.made
    assert first["source"] == reports.FROM_GNSS
    assert second["source"] == reports.FROM_CELL
    assert second["position"][3] >= 600


async def test_a_broken_receiver_is_told_once_and_while_it_is_broken():
    band = alarmed()
    answers = band.modem.answers
    for answer in (OSError("no answer"), [], [b"\xff\xfe"], OSError("+CME ERROR: 3")):
        answers[b"AT+QGPS?"] = answer
        answers[b"AT+COPS?"] = [b'+COPS: 0,2,"\xff\xff",7']
        for _ in range(3):
            await asyncio.sleep_ms(600_000)
            await band.look()
        assert band.place.trouble
    assert len(details(band.faults)) == 3, details(band.faults)
    assert len(band.made) == 12, "and without a place they are told"
    assert band.made[-1].get("cell") is None
    answers[b"AT+QGPS?"] = [b"+QGPS: 1"]
    answers[b'AT+QGPSGNMEA="RMC"'] = [sentence(b"GNRMC,,V,,,,,,,,,,N")]
    await asyncio.sleep_ms(600_000)
    await band.look()
    assert not band.place.trouble, "it works, and sees no sky"


async def test_a_case_that_nobody_closes_does_not_empty_the_cell_and_a_new_alarm_is_followed():
    band = alarmed()
    pauses_s = []
    for look in range(24):
        band.modem.finds(b"%06d" % (120000 + look))
        await band.look()
        pauses_s.append(band.place._pause_ms() // 1000)
        await asyncio.sleep_ms(600_000)
    assert max(pauses_s[:17]) <= 60, pauses_s
    assert min(pauses_s[19:]) >= 600, pauses_s
    assert len(band.made) == 24, "it is told all the same"
    band.place.alarm()
    band.modem.finds(b"130000")
    await band.look()
    assert band.place._pause_ms() <= 60_000


async def test_a_link_that_is_made_anew_is_no_trouble_and_the_place_comes_afterwards():
    band = alarmed()
    band.modem.can_talk = False
    band.modem.answers[b"AT+QGPS?"] = OSError("no line for commands")
    await band.look()
    assert band.place.trouble == ""
    assert band.made == []
    assert band.place._pause_ms() == 0
    band.modem = Modem()
    band.place._modem = band.modem
    band.modem.finds()
    await band.look()
    assert band.made[0]["source"] == reports.FROM_GNSS


async def test_a_modem_that_is_restarted_for_its_card_is_no_trouble_of_the_receiver():
    band = alarmed()
    band.modem.answers[b'AT+QGPSGNMEA="RMC"'] = OSError("+CME ERROR: 505")
    for trouble, told in (("SIM failure", []), ("", ["+CME ERROR: 505"])):
        band.modem.trouble = trouble
        await band.look()
        assert details(band.faults) == told


async def test_a_receiver_that_a_reset_or_a_lost_link_left_on_is_switched_off():
    band = Band()
    band.modem.answers[b"AT+QGPS?"] = [b"+QGPS: 1"]
    running = asyncio.create_task(band.place.run())
    await settle(20)
    assert band.modem.asked.count(b"AT+QGPSEND") == 1
    band.reports.opened(BOOT, 2)
    band.modem.answers[b'AT+QGPSGNMEA="RMC"'] = OSError("no answer")
    band.modem.can_talk = False
    looking = asyncio.create_task(band.place._look())
    await settle()
    band.reports = OpenReports()  # its case is closed meanwhile
    await looking
    band.modem.can_talk = True
    band.place.alarm()
    await settle(20)
    running.cancel()
    assert band.modem.asked.count(b"AT+QGPSEND") == 2
    assert details(band.faults) == []


async def test_a_reason_that_comes_while_the_receiver_is_switched_off_is_not_lost():
    band = Band()
    band.modem.finds()
    switch_off = band.place._switch_off

    async def meanwhile():
        await switch_off()
        if not band.made:
            band.place._locate(Order(1, LOCATE, {}))

    band.place._switch_off = meanwhile
    running = asyncio.create_task(band.place.run())
    await settle(50)
    running.cancel()
    assert [fields["dseq"] for fields in band.made] == [1]


async def test_a_receiver_without_a_fix_is_asked_one_question_at_a_time():
    band = alarmed()
    band.modem.answers[b'AT+QGPSGNMEA="RMC"'] = [sentence(b"GNRMC,120000.00,V,,,,,,,,,,N,V")]
    await band.look()
    assert band.modem.asked.count(b'AT+QGPSGNMEA="RMC"') == 40 + 80 // 5
    assert band.ms() == 1_000 + 120_000
    assert b'AT+QGPSGNMEA="GGA"' not in band.modem.asked


async def test_a_port_that_ppp_has_alone_is_told_and_waited_for():
    band = alarmed()
    band.modem.can_talk = False
    running = asyncio.create_task(band.place.run())
    await settle(20)
    running.cancel()
    assert band.place.trouble
    assert len(details(band.faults)) == 1


async def test_coming_home_is_told_without_saying_where_in_the_zone():
    band = Band()
    band.place._zones, band.place._where = ZONES, OUTSIDE
    band.modem.finds()
    await band.look()
    assert band.made == [{"zone": 1, "inside": True}]


async def test_a_garden_fence_after_one_fix_outside_does_not_keep_the_receiver_busy():
    band = Band()
    band.place._zones, band.place._where = [[1, 522_253_447, 210_123_000, 50]], INSIDE
    band.modem.finds()  # 120 m away
    await band.look()
    assert band.place._where == LEAVING
    assert band.place._pause_ms() <= 30_000, "is it true?"
    band.modem.finds(b"120030", b"9.0")  # so vague that she may be at the fence
    await band.look()
    assert band.place._where == LEAVING
    assert band.place._pause_ms() > 500_000
    assert band.made == []


async def test_one_broken_file_does_not_cost_the_other():
    storage = folder()
    band = Band(storage)
    band.place._zones, band.place._where = ZONES, INSIDE
    band.place._keep_zones()
    band.modem.finds()
    await band.look()
    for name, zones in (("fix", ZONES), ("zones", [])):
        data = storage.load(name)
        storage.save(name, b"\xff")
        again = Band(storage)
        assert again.place._zones == zones
        assert again.place.last() if name == "zones" else not again.place.last()
        assert details(again.faults) == [name]
        storage.save(name, data)


async def test_the_same_zones_ordered_again_do_not_forget_that_she_was_at_home():
    storage = folder()
    band = Band(storage)
    band.place._zones, band.place._where = ZONES, INSIDE
    band.place._keep_zones()
    again = Band(storage)
    same = {zone[0]: zone[1:] for zone in ZONES}
    again.place._use_zones(Order(1, ORDER_ZONES, same))
    assert again.place._where == INSIDE
    again.place._use_zones(Order(2, ORDER_ZONES, {2: same[1]}))
    assert again.place._where == UNKNOWN


async def test_what_cannot_be_kept_is_told():
    band = Band()
    band.storage.root = None
    band.place._keep_zones()
    assert details(band.faults) == ["zones"]


async def test_another_wearer_has_neither_the_zones_nor_the_place_of_the_last_one():
    storage = folder()
    band = Band(storage)
    band.place._zones, band.place._where = ZONES, INSIDE
    band.place._keep_zones()
    band.modem.finds()
    await band.look()
    assert Band(storage).place.last()
    Band.generation = 4
    other = Band(storage)
    assert other.place._zones == []
    assert other.place.last() is None


async def test_a_flood_of_orders_to_locate_makes_few_reports():
    band = Band()
    band.modem.finds()
    for dseq in range(1, 100):
        band.place._locate(Order(dseq, LOCATE, {}))
    await band.look()
    assert [fields["dseq"] for fields in band.made] == [99]
    band.telemetry = [(1, 1)] * 6
    band.place._locate(Order(100, LOCATE, {}))
    await band.look()
    assert len(band.made) == 1, "heartbeats keep their room"


main(globals())
