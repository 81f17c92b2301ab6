# SPDX-License-Identifier: Apache-2.0
# What may differ between wearers: defaults, ranges and rules are those of the settings order
# (opaska_protocol.orders), changed by one or at the bench, kept as a CBOR map.

from opaska_protocol import cbor
from opaska_protocol.errors import ProtocolError
from opaska_protocol.orders import settings_from_wire, settings_to_wire, whole_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .storage import Storage

FILE = "settings"


class Settings:
    """One whole set; SPEC.md, section 7 says what each one means."""

    if TYPE_CHECKING:
        version: int
        hold_ms: int
        heartbeat_s: int
        quiet: bool
        fall_profile: int
        fall_cancel_by_hand: bool
        wear_alarm: bool
        strap_profile: int
        pulse_minutes: int
        hr_low: int
        hr_high: int
        spo2_low: int
        inactive_hours: int
        awake_from: int
        awake_to: int
        utc_offset_min: int

    def __init__(self) -> None:
        self._use(whole_settings({}))

    def change(self, arguments: "dict[int, Any]") -> None:
        """Take over settings as on the wire; BodyError and no change when one is bad.

        With a version they are the whole set, without one they are changes to what is there.
        """
        named = settings_from_wire(arguments)
        before = None if named.get("version") else self._named()
        named["version"] = named.get("version", 0)
        self._use(whole_settings(named, before))

    def save(self, storage: "Storage") -> bool:
        return storage.save(FILE, cbor.encode(settings_to_wire(self._named())))

    def _named(self) -> "dict[str, Any]":
        return {name: getattr(self, name) for name in whole_settings({})}

    def _use(self, whole: "dict[str, Any]") -> None:
        for name, value in whole.items():
            setattr(self, name, value)


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
