# SPDX-License-Identifier: Apache-2.0
"""The rules of care: what a case is, when something happened, whose it was. No input or output.

case.py         the life of a case, as one table
fall.py         the life of an announced fall, as one table
alarm_kinds.py  what rings, and what it is called at the monitoring centre
occurred.py     when it happened, told from a band's uptime
wearing.py      who wore the band at that time
"""
