# SPDX-License-Identifier: Apache-2.0
"""Compares what bands accepted and were told with what stands in the gateway's database."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from opaska_protocol import frame
from opaska_tools.stage.stored import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from opaska_tools.bench.fleet import Fleet
    from opaska_tools.bench.load_band import LoadBand

BOOT = 1  # of every load band
MessageId = tuple[str, int, int, int]  # kid, generation, boot, seq

_REPORTS = (
    "SELECT lower(hex(device.kid)), generation, boot, seq, rings, case_id FROM event"
    " JOIN device ON device.id = event.device_id WHERE event.kind = 'report'"
)
_FORWARDED = (
    "SELECT lower(hex(device.kid)), count(outbox.id), count(outbox.done_ms),"
    " count(DISTINCT event.id) FROM event JOIN device ON device.id = event.device_id"
    " LEFT JOIN outbox ON outbox.event_id = event.id AND outbox.destination = 'centre'"
    " WHERE event.rings = 1 GROUP BY device.kid"
)


class PromiseBroken(AssertionError):
    """The gateway did what it must never do; one line for each thing."""


class Watch:
    """Looks at every down frame as it comes: no (key, nonce) may carry two plaintexts."""

    def __init__(self) -> None:
        self.salts: set[bytes] = set()  # one for each gateway process
        self.reused: list[str] = []
        self._digests: dict[tuple[str, int, bytes, int], bytes] = {}

    @property
    def nonces(self) -> int:
        return len(self._digests)

    def on_frame(self, band: LoadBand, data: bytes) -> None:
        """Give this to the fleet."""
        header, _ = frame.parse_down(data)
        self.salts.add(header.salt)
        nonce = (band.kid, header.generation, header.salt, header.counter)
        digest = hashlib.sha256(data).digest()
        if self._digests.setdefault(nonce, digest) != digest:
            self.reused.append(f"band {band.kid}: counter {header.counter} twice under one salt")


def stored(database_file: Path) -> Counter[MessageId]:
    """How often each report stands in the database."""
    return Counter(tuple(row[:4]) for row in rows(database_file, _REPORTS))


def check_answered(fleet: Fleet, database_file: Path) -> None:
    """Acknowledged implies stored, at any moment; PromiseBroken."""
    known = stored(database_file)
    told = _ids(fleet, lambda band: (seq for seq in _all(band) if seq not in band.waiting))
    _raise(f"answered but not stored: {each}" for each in told if not known[each])


def check_all(fleet: Fleet, database_file: Path, watch: Watch) -> None:
    """Accepted implies stored once and answered; alarms are in a case; PromiseBroken."""
    found = rows(database_file, _REPORTS)
    known: Counter[MessageId] = Counter(tuple(row[:4]) for row in found)
    accepted = _ids(fleet, _all)
    rang = Counter(row[0] for row in found if row[4])
    problems = [
        *(f"lost: {each}" for each in accepted if not known[each]),
        *(f"doubled: {each} x {count}" for each, count in known.items() if count > 1),
        *(f"never sent: {each}" for each in known.keys() - set(accepted)),
        *(f"unanswered: {each}" for each in _ids(fleet, lambda band: band.waiting)),
        *(f"alarm without a case: {tuple(row[:4])}" for row in found if row[4] and not row[5]),
        *(
            f"band {band.kid}: {band.alarms} alarms, {rang[band.kid]} stored as such"
            for band in fleet.bands
            if band.alarms != rang[band.kid]
        ),
        *(
            f"band {band.kid}: {band.unverified} answers it could not open"
            for band in fleet.bands
            if band.unverified
        ),
        *watch.reused,
    ]
    _raise(problems)


def check_forwarded(database_file: Path, heard: Counter[str], fleet: Fleet) -> None:
    """Every stored alarm reached the centre and is marked once; `heard` counts by account."""
    problems: list[str] = []
    for kid, marked, done, alarms in rows(database_file, _FORWARDED):
        account = next(band.account for band in fleet.bands if band.kid == kid)
        if not alarms == marked == done:
            problems.append(f"band {kid}: {alarms} alarms, {marked} in the outbox, {done} done")
        if heard[account] < alarms:
            problems.append(f"band {kid}: {alarms} alarms, the centre heard {heard[account]}")
    _raise(problems)


def _all(band: LoadBand) -> Iterable[int]:
    return range(1, band.accepted + 1)


def _ids(fleet: Fleet, seqs: Callable[[LoadBand], Iterable[int]]) -> list[MessageId]:
    return [(band.kid, band.generation, BOOT, seq) for band in fleet.bands for seq in seqs(band)]


def _raise(problems: Iterable[str]) -> None:
    lines = list(problems)
    if lines:
        shown = lines[:20] if len(lines) <= 20 else [*lines[:20], f"... {len(lines)} in all"]
        raise PromiseBroken("\n".join(shown))
