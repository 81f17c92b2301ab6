# SPDX-License-Identifier: Apache-2.0
"""Frames that a real gateway must refuse: kept with their reason, counted, never answered.

A byte-identical repeat of a good one is answered again.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opaska_protocol import reports
from opaska_protocol.channel import BandChannel
from opaska_tools.bench.load_band import BOOT, LoadBand
from opaska_tools.stage.registration import Registered
from opaska_tools.stage.stored import rows
from tests.support.command import opaska
from tests.support.promises import check_all
from tests.support.until import until
from tests.support.world import world

if TYPE_CHECKING:
    from tests.support.world import World

VECTORS = Path(__file__).parents[2] / "shared_protocol" / "vectors" / "frames.json"
NEEDS_KEY = ("seal", "body")  # what a vector's refusal takes
KEPT_A_DAY = 1000  # refused frames of one band
MANY = KEPT_A_DAY + 100
AT_ONCE = 50  # more than that may be dropped uncounted: the gateway works on quieter bands first
UNKNOWN_BANDS = "00" * 8  # in the tables: all of them together
BAD_BODIES = {  # each sealed by its band as it should be
    "too_deep": "a100818181818100",
    "duplicate_key": "a200030003",
    "not_shortest": "a1001803",
    "unsorted_keys": "a201000003",
    "trailing": "a1000300",
    "truncated": "a200",
    "not_a_map": "83000102",
    "empty": "",
}
SOS = reports.encode_report(reports.ALARM, {"uptime_ms": 1, "kind": reports.SOS})


async def test_malformed_frames_are_kept_with_their_reason_and_never_answered(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, "embedded", bands=1) as here:
        await here.gateway.start()
        await here.fleet.connected()
        band = here.fleet.bands[0]
        malformed = _malformed()
        for number, vector in enumerate(malformed):
            band.publish(bytes.fromhex(vector["frame"]), urgent=number % 2 == 0)
        await _answered_next(band)
        expected = sorted(vector["reason"] for vector in malformed)
        await until(lambda: _kept(here, band.kid) == expected, "every refused frame is kept")
        assert band.frames == 2
        check_all(here.fleet, here.gateway.database_file, here.watch)


async def test_frames_that_do_not_verify_are_refused(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", bands=3) as here:
        await here.gateway.start()
        await here.fleet.connected()
        clashing, forger, other = here.fleet.bands
        clashing.report()
        await until(lambda: not clashing.waiting, "the first report is answered")
        own, forged, _ = here.registered
        clashing.publish(_sealed(own, seq=1), urgent=True)
        forger.publish(_sealed(replace(forged, key=secrets.token_bytes(16))), urgent=True)
        forger.publish(_sealed(replace(forged, generation=7)), urgent=True)
        forger.publish(_sealed(own, seq=2), urgent=True)
        await _answered_next(clashing)
        await _answered_next(forger)
        assert _kept(here, clashing.kid) == ["id_clash"]
        assert _kept(here, forger.kid) == ["bad_tag", "unknown_generation", "wrong_topic"]
        assert (clashing.frames, forger.frames, other.frames) == (3, 2, 0)
        check_all(here.fleet, here.gateway.database_file, here.watch)


async def test_sealed_nonsense_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", bands=1) as here:
        await here.gateway.start()
        await here.fleet.connected()
        (band,), (registered,) = here.fleet.bands, here.registered
        for seq, body in enumerate(BAD_BODIES.values(), 1000):
            band.publish(_sealed(registered, bytes.fromhex(body), seq), urgent=True)
        await _answered_next(band)
        assert _kept(here, band.kid) == sorted(BAD_BODIES)
        assert band.frames == 2
        check_all(here.fleet, here.gateway.database_file, here.watch)


async def test_an_unknown_band_is_never_answered(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", bands=1) as here:
        await here.gateway.start()
        await here.fleet.connected()
        stranger = LoadBand(Registered(secrets.token_hex(8), 1, secrets.token_bytes(16), ""))
        await stranger.connect(here.gateway.broker_port)
        stranger.report(urgent=True)
        await until(lambda: _kept(here, UNKNOWN_BANDS) == ["unknown_band"], "it is kept")
        await _answered_next(here.fleet.bands[0])
        assert stranger.frames == 0
        stranger.close()


async def test_a_revoked_band_is_refused_within_a_second(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", bands=2) as here:
        await here.gateway.start()
        await here.fleet.connected()
        revoked, other = here.fleet.bands
        await _answered_next(revoked)
        await opaska(here.gateway, "bands", "revoke", revoked.kid, "--why", "lost")

        def refused() -> bool:
            revoked.report(urgent=True)
            return bool(_kept(here, revoked.kid))

        await until(refused, "its reports are refused", timeout_s=5)
        answered = revoked.frames
        revoked.report(urgent=True)
        await until(lambda: len(_kept(here, revoked.kid)) > 1, "the next one is refused, too")
        assert set(_kept(here, revoked.kid)) == {"revoked"}
        await _answered_next(other)
        assert revoked.frames == answered


async def test_one_band_fills_the_refusals_of_its_day_only(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", bands=2) as here:
        await here.gateway.start()
        await here.fleet.connected()
        noisy, quiet = here.fleet.bands
        for number in range(MANY):
            noisy.publish(number.to_bytes(4, "big"))
            if number % AT_ONCE == AT_ONCE - 1:
                sent = number + 1
                await until(lambda: _counted(here, noisy.kid) == sent, "all are counted")  # noqa: B023
        quiet.publish(b"")
        await until(lambda: _kept(here, quiet.kid) == ["empty"], "another band's are kept")
        assert len(_kept(here, noisy.kid)) == KEPT_A_DAY
        await _answered_next(noisy)
        assert noisy.frames == 2


async def test_a_repeat_is_answered_again_in_the_same_way_and_stored_once(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", bands=1) as here:
        await here.gateway.start()
        await here.fleet.connected()
        band = here.fleet.bands[0]
        seq = band.report(urgent=True)
        sealed = band.waiting[seq]
        await until(lambda: not band.waiting, "it is answered")
        for times in range(2, 5):
            band.waiting[seq] = sealed
            band.resend()
            await until(lambda: not band.waiting, "the repeat is answered")
            assert band.frames == times
        check_all(here.fleet, here.gateway.database_file, here.watch)
        assert here.watch.nonces == 4


def _malformed() -> list[dict[str, Any]]:
    """The vectors that are refused before a key is looked at."""
    vectors = json.loads(VECTORS.read_text("utf-8"))["refused"]
    return [one for one in vectors if one["way"] == "up" and one["seen_by"] not in NEEDS_KEY]


def _sealed(band: Registered, body: bytes = SOS, seq: int = 1) -> bytes:
    """A frame of this band, under another boot salt than the fleet's own."""
    salt = secrets.token_bytes(8)
    channel = BandChannel(bytes.fromhex(band.kid), band.generation, band.key, BOOT, salt)
    return channel.seal(seq, body)


async def _answered_next(band: LoadBand) -> None:
    """What the band sent before on either topic has been dealt with when these are answered."""
    band.report(urgent=True)
    band.report(urgent=False)
    await until(lambda: not band.waiting, "good reports are answered after bad ones")


def _kept(here: World, kid: str) -> list[str]:
    query = "SELECT reason FROM refused_frame WHERE lower(hex(band)) = ? ORDER BY reason"
    return [reason for (reason,) in rows(here.gateway.database_file, query, kid)]


def _counted(here: World, kid: str) -> int:
    query = "SELECT coalesce(sum(count), 0) FROM refusal_count WHERE lower(hex(band)) = ?"
    count: int = rows(here.gateway.database_file, query, kid)[0][0]
    return count
