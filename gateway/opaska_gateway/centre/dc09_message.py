# SPDX-License-Identifier: Apache-2.0
"""A signal in the words of one receiver: its codes, and extra blocks [H] [I] [X] [Y]."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opaska_gateway.centre.ascii import fold
from opaska_gateway.centre.dc09 import Frame, time_text
from opaska_gateway.centre.errors import SignalError
from opaska_gateway.centre.profiles import codes_of, own_codes_of

if TYPE_CHECKING:
    from opaska_gateway.centre.interface import Signal
    from opaska_gateway.centre.profiles import Codes, Profile
    from opaska_gateway.centre.settings import ReceiverSettings

TEXT_LIMIT = 64  # characters; the whole frame stays well under the 1,000 bytes some receivers read
MAX_ZONE = 999  # three digits in Contact ID


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to say a signal."""

    code: str  # for the log
    urgent: bool  # an alarm; not a trouble, a restore or a test
    frame: Frame  # without sequence number and time


def word(signal: Signal, settings: ReceiverSettings, profile: Profile) -> tuple[Wording, ...]:
    """The signal in the receiver's first choice of codes, then in those for after a DUH.

    Empty for a trouble that the profile leaves out, and for an end that it has no code for.
    """
    if signal.trouble and own_codes_of(profile, signal.kind) is None:
        return ()
    codes = codes_of(profile, signal.kind)
    account = signal.account.upper()
    extra = _extra(signal, settings)
    urgent = codes.alarm and not signal.restore
    return tuple(
        Wording(code, urgent, _frame(settings, account, settings.protocol, data, extra))
        for code, data in _said(signal, settings, codes)
    )


def line_test(settings: ReceiverSettings, profile: Profile) -> Wording:
    """The frame that proves the path: NULL, or a periodic test report."""
    account = settings.account or ""
    if settings.supervision == "test":
        codes = codes_of(profile, "periodic_test")
        code, data = _spoken(account, settings, codes, restore=False, zone=codes.zone)[0]
        return Wording(code, False, _frame(settings, account, settings.protocol, data, ()))
    return Wording("NULL", False, _frame(settings, account, "NULL", "", ()))


def _frame(
    settings: ReceiverSettings, account: str, frame_id: str, data: str, extra: tuple[str, ...]
) -> Frame:
    return Frame(
        id=frame_id,
        seq=0,
        account=account,
        data=data,
        xdata=extra,
        prefix=settings.prefix,
        receiver=settings.receiver_number or "",
        encrypted=settings.encrypted,
    )


def _said(signal: Signal, settings: ReceiverSettings, codes: Codes) -> tuple[tuple[str, str], ...]:
    zone = signal.zone or codes.zone
    if not 0 <= zone <= MAX_ZONE:
        zone = codes.zone  # a wrong zone must not hold back an alarm
    return _spoken(signal.account.upper(), settings, codes, restore=signal.restore, zone=zone)


def _spoken(
    account: str, settings: ReceiverSettings, codes: Codes, *, restore: bool, zone: int
) -> tuple[tuple[str, str], ...]:
    """(code, data field) for every code, in the receiver's protocol."""
    if settings.protocol == "ADM-CID":
        qualifier = 3 if restore else 1
        return tuple(
            (code, f"#{account}|{qualifier}{code} {settings.area:02} {zone:03}")
            for code in codes.contact_id
        )
    return tuple(
        (code, f"#{account}|Nri{settings.area}/{code}{zone}")
        for code in codes.sia_codes(restore=restore)
    )


def _extra(signal: Signal, settings: ReceiverSettings) -> tuple[str, ...]:
    """Extended data. A block that cannot be written is left out: the alarm goes all the same."""
    usual = settings.protocol == "SIA-DCS" and (settings.encrypted or settings.trusted)
    blocks: list[str] = []
    if signal.late:
        with suppress(SignalError):
            blocks.append(f"H{time_text(signal.occurred_ms)}")
    if signal.text and (usual if settings.text is None else settings.text):
        text = fold(signal.text, TEXT_LIMIT)
        if text:
            blocks.append(f"I{text}")
    if signal.position and (usual if settings.position is None else settings.position):
        latitude, longitude = signal.position
        if abs(latitude) <= 90 and abs(longitude) <= 180:  # false for "not a number" too
            blocks.append(f"X{degrees_text(longitude, 'EW', 3)}")
            blocks.append(f"Y{degrees_text(latitude, 'NS', 2)}")
    return tuple(blocks)


def degrees_text(degrees: float, hemispheres: str, digits: int) -> str:
    """Degrees, hemisphere, decimal minutes: 19.5667 -> 019E34.002."""
    whole, thousandths = divmod(round(abs(degrees) * 60_000), 60_000)
    hemisphere = hemispheres[degrees < 0]
    return f"{whole:0{digits}}{hemisphere}{thousandths // 1000:02}.{thousandths % 1000:03}"
