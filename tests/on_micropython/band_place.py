# SPDX-License-Identifier: Apache-2.0
# place.py with a modem that answers from a table: what a bad receiver or a bad file costs.

import asyncio

from band_support import BOOT, details, faults, folder, main, settle

from opaska_band import place as module
from opaska_band.decisions.help import OpenReports
from opaska_band.decisions.zone import INSIDE
from opaska_band.place import Place
from opaska_protocol import reports
from opaska_protocol.orders import LOCATE, Order

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
        self.now_ms = 1_000
        module._FIX_MS, module._ASK_MS, module._ASK_SELDOM_MS = 20, 1, 1
        self.place = Place(self)

    def ms(self):
        return self.now_ms

    def report(self, what, fields=None):
        if fields is None:  # the wall time, at an uptime
            return [1, 1_800_000_000 + what // 1000, 1]
        reports.encode_report(what, dict(fields, uptime_ms=0))
        self.made.append(fields)
        return None

    async def look(self):
        looking = asyncio.create_task(self.place._look())
        while not looking.done():
            self.now_ms += 5
            await settle()
        await looking


def alarmed(storage=None):
    band = Band(storage)
    band.reports.opened(BOOT, 1)
    return band


async def test_a_fix_that_claims_nonsense_still_fits_into_an_alarm():
    band = alarmed()
    band.modem.finds(hdop=b"9" * 30)
    await band.look()
    assert band.made[0]["position"][:2] == [522_242_667, 210_123_000], band.made


async def test_a_receiver_that_stands_still_tells_no_new_place():
    band = alarmed()
    band.modem.finds()
    await band.look()
    band.now_ms += 600_000
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
            band.now_ms += 600_000
            await band.look()
        assert band.place.trouble
    assert len(details(band.faults)) == 3, details(band.faults)
    assert len(band.made) == 12, "and without a place they are told"
    assert band.made[-1].get("cell") is None
    answers[b"AT+QGPS?"] = [b"+QGPS: 1"]
    answers[b'AT+QGPSGNMEA="RMC"'] = [sentence(b"GNRMC,,V,,,,,,,,,,N")]
    band.now_ms += 600_000
    await band.look()
    assert not band.place.trouble, "it works, and sees no sky"


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


async def test_a_port_that_ppp_has_alone_is_told_and_waited_for():
    band = alarmed()
    band.modem.can_talk = False
    running = asyncio.create_task(band.place.run())
    await settle(20)
    running.cancel()
    assert band.place.trouble
    assert len(details(band.faults)) == 1


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
