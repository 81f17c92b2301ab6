# SPDX-License-Identifier: Apache-2.0
# visit_book.py and what is around it, with the real reporter and outbox: room for visits.

from band_support import BOOT, channel, faults, folder, outbox
from single import main

from opaska_band.clock import Uptime, WallTime
from opaska_band.reporter import Reporter
from opaska_protocol import reports

CARD = b"\x04\xde\x5f\x1e\xac\xc0\x40"


def reporter():
    """With an outbox on the flash."""
    noted = faults()
    return Reporter(channel(BOOT), outbox(folder(), noted), Uptime(), WallTime()), noted


def test_pulses_of_days_without_a_network_leave_room_for_visits():
    one, _ = reporter()
    for _ in range(300):  # a spoilt one every ten minutes, for two days
        one.report(reports.VITALS, {"quality_percent": 80, "why": reports.PULSE_BY_SCHEDULE})
    for _ in range(60):  # two touches and two tests a visit, twice a day for a week
        touch = {"begins": True, "card": CARD, "taps": 1}
        assert one.report(reports.VISIT, touch) is not None


def test_a_loose_plug_of_the_charger_without_a_network_leaves_room_for_visits():
    one, _ = reporter()
    for _ in range(300):
        change = {"state": reports.CHARGING, "since_ms": 0, "before": reports.TAKEN_OFF}
        one.report(reports.WEAR, change)
    for _ in range(60):
        touch = {"begins": True, "card": CARD, "taps": 1}
        assert one.report(reports.VISIT, touch) is not None


main(globals())
