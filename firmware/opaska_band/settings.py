# SPDX-License-Identifier: Apache-2.0
# What may differ between wearers: defaults here, changed by a signed order or at the bench, kept
# as a CBOR map.

from opaska_protocol import cbor
from opaska_protocol.errors import ProtocolError
from opaska_protocol.orders import SETTINGS_FIELDS, settings_from_wire, settings_to_wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .storage import Storage

FILE = "settings"


class Settings:
    """Ranges are those of the settings order (opaska_protocol.orders.SETTINGS_FIELDS)."""

    def __init__(self) -> None:
        self.hold_ms = 500  # how long the button is held for an SOS; 0 = every press is one
        self.heartbeat_s = 300
        self.quiet = False  # no buzzer, stronger vibration: for the deaf and for the night
        self.fall_profile = 2  # senses/fall.py: careful, standard, keen
        self.fall_cancel_by_hand = True  # whether holding the button cancels an announced fall

    def change(self, arguments: "dict[int, Any]") -> None:
        """Take over settings as on the wire; BodyError and no change when one is bad."""
        for name, value in settings_from_wire(arguments).items():
            setattr(self, name, value)

    def save(self, storage: "Storage") -> bool:
        wire = settings_to_wire({row[1]: getattr(self, row[1]) for row in SETTINGS_FIELDS})
        return storage.save(FILE, cbor.encode(wire))


def load(storage: "Storage") -> "tuple[Settings, bool]":
    """(settings, whether the file was broken and these are the defaults)"""
    settings = Settings()
    data = storage.load(FILE)
    if data is None:
        return settings, False
    try:
        stored = cbor.decode(data)
        if not isinstance(stored, dict):
            return settings, True
        settings.change(stored)
        return settings, False
    except ProtocolError:
        return Settings(), True
