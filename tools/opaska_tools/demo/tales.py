# SPDX-License-Identifier: Apache-2.0
"""What can be watched: for each deed the stations of its journey, in their order.

A station named `<pattern>_felt` is a signal of the wrist; `received` to `accepted` are passed by
the report that the tale is about; `centre` is the log of the centre's receiver; others are parts
of the simulated band, or reports of their own that are stored (told.py).
"""

from __future__ import annotations

from typing import NamedTuple


class Tale(NamedTuple):
    title: str
    stations: dict[str, str]  # what happens there, for whoever watches
    about: tuple[str, ...] = ()  # kinds of report, as told.py and the gateway name them
    code: str = ""  # by which it stands in the log of the centre's receiver


NEEDS = {  # a station that counts only after another one, where a tale has both
    "shines": "ordered",
    "dark": "shines",
    "gnss_on": "ordered",
    "position": "ordered",
    "heartbeat": "ordered",
}

_STORED = {
    "verified": "the seal is the band's own",
    "stored": "committed in the gateway's database",
}
_ALARM = {
    "working_felt": "sure; sealed; the wrist feels: working, wait",
    **_STORED,
    "case_opened": "a case rings, if none was open",
    "stored_felt": "the wrist feels: stored",
    "forwarded": "on its way to the centre (SIA DC-09, AES)",
    "centre": "it stands in the log of the centre's receiver",
    "accepted": "the centre's encrypted yes is at the gateway",
    "accepted_felt": "the wrist feels: help has been told",
}
_FAULT = {
    "ordered": "the gateway orders a look, else every 5 minutes",
    "heartbeat": "stored: what the fuel gauge says",
    "verified": "a second look agrees; the fault is sealed",
    "stored": "committed in the gateway's database",
    "forwarded": "on its way to the centre, told once an hour",
    "centre": "it stands in the log of the centre's receiver",
    "accepted": "the centre's encrypted yes is at the gateway",
}
_WALK = {
    "walking": "1.1 km in a few seconds, for whoever watches",
    "ordered": "the gateway asks where, else every 10 minutes",
    "gnss_on": "the band has the order: its receiver is on",
    "position": "stored: where she is",
}

SOS = Tale(
    "the last SOS",
    {
        "held": "the button was held long enough",
        "working_felt": "sealed and kept; the wrist feels: working, wait",
        "received": "the gateway has the report from the broker",
        "verified": "the seal is the band's own",
        "stored": "committed in the gateway's database",
        "case_opened": "a case rings",
        "stored_felt": "the wrist feels: stored",
        "forwarded": "on its way to the centre (SIA DC-09, AES)",
        "centre": "it stands in the log of the centre's receiver",
        "accepted": "the centre's encrypted yes is at the gateway",
        "accepted_felt": "the wrist feels: help has been told",
    },
    ("sos",),
    "QA",
)
TAKEN_OFF = Tale(
    "taken off the wrist",
    {
        "opened": "the clasp is open; the pad feels a table",
        **_ALARM,
        "wear": "stored: the wear ledger",
    },
    ("strap",),
    "TA",
)
CUT = Tale(
    "the strap is cut",
    {"cut": "the loop is open beyond its clasp", **_ALARM, "wear": "stored: the wear ledger"},
    ("strap_cut",),
    "TA",
)
PUT_ON = Tale(
    "back on the wrist",
    {
        "closed": "the clasp is closed; the pad feels skin",
        **_STORED,
        "wear": "the wear ledger",
        "forwarded": "the alarm's end, if it rang; the case stays open",
        "centre": "it stands in the log of the centre's receiver",
        "accepted": "the centre's encrypted yes is at the gateway",
    },
    ("wear", "strap", "strap_cut"),
    "TR",
)
PULSE = Tale(
    "the pulse",
    {
        "ordered": "the gateway orders it, else every hour",
        "shines": "the band has the order: light, for half a minute",
        "dark": "enough good beats; the wrist feels nothing",
        "received": "the gateway has the report from the broker",
        **_STORED,
        "pulse": "as the gateway reads it",
        "saturation": "as the gateway reads it",
    },
    ("vitals",),
)
WALKED_OUT = Tale(
    "out of the safe zone",
    {
        **_WALK,
        "working_felt": "outside twice; the wrist feels: working, wait",
        "stored": "committed in the gateway's database",
        "forwarded": "on its way to the centre (SIA DC-09, AES)",
        "centre": "it stands in the log of the centre's receiver",
        "accepted": "the centre's encrypted yes is at the gateway",
        "accepted_felt": "the wrist feels: help has been told",
        "zone": "stored: the edge of the zone",
    },
    ("zone_left",),
    "QA",
)
WALKED_HOME = Tale("back in the safe zone", {**_WALK, "zone": "stored: the edge of the zone"})
LOW = Tale("a low battery", {"fell": "the cell stands at 18 %", **_FAULT}, ("battery_low",), "XT")
CRITICAL = Tale(
    "a critical battery", {"fell": "the cell stands at 5 %", **_FAULT}, ("battery_critical",), "XT"
)
CHARGED = Tale(
    "on the charger",
    {
        "charger": "its status pin is low; the strap lies open",
        **_STORED,
        "wear": "the wear ledger: no alarm, nothing is felt",
        "full": "the cell stands at 60 %, in a few seconds",
        "ordered": "the gateway orders a look, else every 5 minutes",
        "heartbeat": "stored: what the fuel gauge says",
    },
    ("wear",),
)
_VISIT = {
    "who": "as the gateway lists the visit",
    "what": "the service",
    "when": "begin, and end",
    "where": "at home, or away",
    "test": "stored: the band was tested",
}
_TOUCH = {
    "comes": "a carer knocks twice on the band, with a card",
    "reader": "two knocks: current for the reader, for 3 s",
}
VISIT_BEGUN = Tale(
    "a carer's visit begins",
    {
        **_TOUCH,
        "begun_felt": "card read, report sealed; the wrist feels: begun",
        **_STORED,
        "reached_felt": "the wrist feels: reached",
        **_VISIT,
    },
    ("visit",),
)
VISIT_ENDED = Tale(
    "a carer's visit ends",
    {
        **_TOUCH,
        "ended_felt": "card read, report sealed; the wrist feels: ended",
        **_STORED,
        "reached_felt": "the wrist feels: reached",
        **_VISIT,
    },
    ("visit",),
)

TALES = (
    SOS,
    TAKEN_OFF,
    CUT,
    PUT_ON,
    PULSE,
    WALKED_OUT,
    WALKED_HOME,
    LOW,
    CRITICAL,
    CHARGED,
    VISIT_BEGUN,
    VISIT_ENDED,
)
