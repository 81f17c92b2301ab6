# SPDX-License-Identifier: Apache-2.0
# How many names the whole band brings along, also by what it imports late; run by
# tests/hardware/test_names.py.

import micropython

import opaska_band.band
import opaska_band.battery
import opaska_band.boot
import opaska_band.countdown
import opaska_band.decisions.zone
import opaska_band.drivers.eg915u_gnss
import opaska_band.drivers.max17048
import opaska_band.drivers.max30102
import opaska_band.drivers.ntag424
import opaska_band.drivers.pn532
import opaska_band.evidence
import opaska_band.heartbeat
import opaska_band.inbox
import opaska_band.motion
import opaska_band.obey
import opaska_band.place
import opaska_band.resume
import opaska_band.senses.fall
import opaska_band.senses.nmea
import opaska_band.senses.pulse
import opaska_band.signals
import opaska_band.vitals
import opaska_band.wear  # noqa: F401
import opaska_protocol.motion
import opaska_protocol.zones  # noqa: F401

micropython.qstr_info()
