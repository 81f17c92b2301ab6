# SPDX-License-Identifier: Apache-2.0
"""The way out to monitoring centres: one Signal in, one Delivery back.

interface.py     Signal and Delivery
failover.py      Centre: receivers in order, one turn per account
supervision.py   line tests, so that a dead path is known before it is needed
profiles.py      which code a receiver wants for which kind (profiles.toml)
dc09*.py         SIA DC-09: codec, wording, judging the answer, the line, the sender
"""

from opaska_gateway.centre.failover import Centre
from opaska_gateway.centre.interface import Delivery, Outcome, PathHealth, Signal
from opaska_gateway.centre.settings import CentreSettings, ReceiverSettings

__all__ = [
    "Centre",
    "CentreSettings",
    "Delivery",
    "Outcome",
    "PathHealth",
    "ReceiverSettings",
    "Signal",
]
