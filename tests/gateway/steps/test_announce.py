# SPDX-License-Identifier: Apache-2.0
"""What bands say of a fall, in any order and however late, is counted once for that fall."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from opaska_gateway import clock
from opaska_gateway.care.fall import GRACE_MS
from opaska_protocol import answers, cbor, reports
from tests.support.falls import (
    COUNTDOWN_MS,
    announced,
    cancelled,
    falls,
    fell,
    only_fall,
)
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.gateway_core import Core, CoreBand


async def test_an_announced_fall_is_stored_answered_and_rings_nowhere(heart: Core) -> None:
    band = await heart.add_band()
    now_ms = clock.now_ms()
    await bring(heart, (band, announced(band)), received_ms=now_ms)
    fall = await only_fall(heart)
    (event,) = await heart.events()
    assert (fall.state, fall.event_id, fall.announced_ms) == ("announced", event.id, now_ms)
    assert fall.due_ms == now_ms + COUNTDOWN_MS + GRACE_MS
    assert (event.rings, event.body_form) == (0, "person")
    assert band.states() == [answers.STORED]
    assert await heart.cases() == []
    assert await heart.rows("SELECT id FROM outbox") == []
    assert heart.context.falls_announced.is_set()


@pytest.mark.parametrize(
    ("reason", "word"), [(reports.BY_HAND, "by_hand"), (reports.WALKED_ON, "walked_on")]
)
async def test_a_cancelled_fall_is_kept_with_its_reason_and_rings_nowhere(
    heart: Core, reason: int, word: str
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    await bring(heart, (band, cancelled(band, of_seq=1, reason=reason)))
    fall = await only_fall(heart)
    assert (fall.state, fall.settled_by) == ("cancelled", word)
    assert fall.cancelled_ms == fall.settled_ms is not None
    assert fall.settled_by_event_id == (await heart.events())[1].id
    assert await heart.cases() == []


ENDS: dict[str, Callable[[CoreBand], bytes]] = {
    "cancelled": lambda band: cancelled(band, of_seq=1),
    "raised": lambda band: fell(band, of_seq=1),
    "raised by an SOS": lambda band: band.sos(of_seq=1),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
@pytest.mark.parametrize("first", [True, False], ids=["announcement first", "end first"])
async def test_announcement_and_end_count_in_any_order(
    heart: Core, end: str, together: bool, first: bool
) -> None:
    band = await heart.add_band()
    frames = [(band, announced(band)), (band, ENDS[end](band))]
    frames = frames if first else frames[::-1]
    if together:
        await bring(heart, *frames)
    else:
        for frame in frames:
            await bring(heart, frame)
    fall = await only_fall(heart)
    assert fall.state == end.split(maxsplit=1)[0]
    assert fall.event_id is not None
    assert fall.due_ms is not None
    assert len(await heart.cases()) == (0 if end == "cancelled" else 1)


async def test_a_fall_cancelled_and_then_still_rings_as_one_without_movement(heart: Core) -> None:
    band = await heart.add_band()
    frames = [
        announced(band),
        cancelled(band, of_seq=1),
        fell(band, of_seq=1, why=reports.STILL_AFTER_CANCEL, still=True),
    ]
    for order in itertools.permutations(frames):
        await bring(heart, *((band, frame) for frame in order))
    fall = await only_fall(heart)
    assert (fall.state, fall.settled_by, fall.still) == ("raised", "still_after_cancel", 1)
    assert fall.cancelled_ms is not None
    (row,) = await heart.rows("SELECT payload FROM outbox")
    assert row.payload == '{"kind": "fall_no_movement"}'


async def test_a_repeated_frame_counts_once_and_is_answered_alike(heart: Core) -> None:
    band = await heart.add_band()
    frames = [(band, announced(band)), (band, cancelled(band, of_seq=1))]
    for _ in range(3):
        await bring(heart, *frames, *frames)
    await bring(heart, frames[0])
    assert (await only_fall(heart)).state == "cancelled"
    assert set(band.states(1)) == set(band.states(2)) == {answers.STORED}
    assert len(await heart.events()) == 2


async def test_a_band_that_was_restarted_ends_the_fall_of_its_boot_before(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    band.restart()
    again = announced(band)  # same number, another boot: another fall
    raised = fell(band, of_seq=1, why=reports.RESTARTED, of_boot=1)
    await bring(heart, (band, again), (band, raised))
    before, now = await falls(heart)
    assert (before.boot, before.state, before.settled_by) == (1, "raised", "restarted")
    assert (now.boot, now.state) == (2, "announced")


async def test_no_band_settles_the_fall_of_another(heart: Core) -> None:
    one, other = await heart.add_band(), await heart.add_band()
    await bring(heart, (one, announced(one)))
    await bring(heart, (other, cancelled(other, of_seq=1)), (other, fell(other, of_seq=1)))
    mine = next(fall for fall in await falls(heart) if fall.device_id == one.device_id)
    assert mine.state == "announced"


@pytest.mark.parametrize(
    "body",
    [
        {0: reports.FALL_CANCELLED, 1: 5_000, 5: 1},  # cancels, but does not say what
        {0: reports.FALL_CANCELLED, 1: 5_000, 4: "one", 5: 1},
    ],
    ids=["no of_seq", "unreadable of_seq"],
)
async def test_a_cancel_that_names_no_fall_cancels_none(heart: Core, body: dict[int, Any]) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)), (band, band.seal_body(cbor.encode(body))))
    assert (await only_fall(heart)).state == "announced"
    assert band.states() == [answers.STORED]


@pytest.mark.parametrize("body", [b"\xa1\x00\x06", b"\xa2\x00\x06\x04\x19\xff\xff"])
async def test_an_announcement_that_is_unreadable_is_given_the_usual_deadline(
    heart: Core, body: bytes
) -> None:
    band = await heart.add_band()
    now_ms = clock.now_ms()
    await bring(heart, (band, band.seal_body(body)), received_ms=now_ms)
    assert (await only_fall(heart)).due_ms == now_ms + COUNTDOWN_MS + GRACE_MS


async def _late(heart: Core, band: CoreBand, by_ms: int, **time: Any) -> int:
    """An announcement that comes so late after a heartbeat; how long the gateway waits, in ms."""
    now_ms = clock.now_ms()
    await bring(heart, (band, band.heartbeat(uptime_ms=5_000)), received_ms=now_ms)
    frame = band.seal(reports.ANNOUNCED_FALL, uptime_ms=6_000, deadline_s=20, **time)
    await bring(heart, (band, frame), received_ms=now_ms + 1_000 + by_ms)
    fall = await only_fall(heart)
    waits: int = fall.due_ms - fall.announced_ms
    return waits


@pytest.mark.parametrize(
    ("late_s", "left_s"), [(0, 20), (5, 15), (19, 1), (20, 0), (4 * 3_600, 0)]
)
async def test_a_late_announcement_is_not_given_its_deadline_again(
    heart: Core, late_s: int, left_s: int
) -> None:
    band = await heart.add_band()
    assert await _late(heart, band, late_s * 1000) == left_s * 1000 + GRACE_MS


@pytest.mark.parametrize("ahead_s", [-3_600, -30, 30, 3_600, 10**9, -(10**9)])
async def test_a_wrong_clock_of_the_band_moves_no_deadline(heart: Core, ahead_s: int) -> None:
    band = await heart.add_band()
    wall = [reports.TIME_GNSS, clock.now_ms() // 1000 + ahead_s, 1]
    assert await _late(heart, band, 0, time=wall) == COUNTDOWN_MS + GRACE_MS


async def test_a_gateway_whose_clock_was_put_right_gives_the_whole_deadline(heart: Core) -> None:
    """Started with a clock hours behind: what came before tells nothing about now."""
    band = await heart.add_band()
    await bring(heart, (band, band.heartbeat(uptime_ms=5_000)))

    class Set(Later):
        def monotonic_s(self) -> float:
            return super().monotonic_s() - self.by_ms / 1000

    with clock.driven_by(Set(7_200_000)):
        await bring(heart, (band, announced(band, uptime_ms=6_000)))
    fall = await only_fall(heart)
    assert fall.due_ms - fall.announced_ms == COUNTDOWN_MS + GRACE_MS


async def test_a_fall_of_a_revoked_band_is_refused(heart: Core) -> None:
    band = await heart.add_band()
    async with heart.database.write() as connection:
        await connection.execute(text("UPDATE device SET revoked_ms = 1"))
    await bring(heart, (band, announced(band)))
    assert await falls(heart) == []
    assert band.answers == []
