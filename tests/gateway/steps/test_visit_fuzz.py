# SPDX-License-Identifier: Apache-2.0
"""Whatever a sealed report says of a visit, it is stored, and the lists can still be read."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway import clock
from opaska_gateway.registry import visit_faults, visit_refusals, visits
from opaska_protocol.cbor import encode
from opaska_protocol.reports import VISIT, VISIT_TEST
from tests.support.carers import Ntag424, add_card, new_uid
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from tests.support.gateway_core import Core

SEED = 0x7A9
REPORTS = 600
MAX_U32, MAX_U62 = (1 << 32) - 1, (1 << 62) - 1
DAY = 86_400_000


@pytest.mark.fuzz
async def test_any_fields_of_a_visit_or_its_test_are_stored(heart: Core, effort: int) -> None:
    rng = random.Random(SEED)
    band, other, card, tag = await heart.add_band(), await heart.add_band(), Ntag424(), new_uid()
    await add_card(heart, band, card)
    await add_card(heart, band, tag)
    for _ in range(REPORTS * effort // 50):
        bodies = [encode(_body(rng, card, tag)) for _ in range(50)]
        sent = [(rng.choice((band, other)), body) for body in bodies]
        await bring(heart, *((one, one.seal_body(body)) for one, body in sent))
    assert heart.context.counters["refused.not_storable"] == 0
    assert len(await heart.events()) == REPORTS * effort // 50 * 50
    seen = {row.verdict for row in await heart.rows("SELECT DISTINCT verdict FROM visit_touch")}
    assert seen >= {"verified", "plain", "unknown_card", "no_proof", "wrong_proof", "replayed"}
    now = clock.now_ms()
    async with heart.database.read() as connection:
        await visits.list_all(connection, heart.vault, 0, now + DAY, now + DAY)
        await visit_refusals.list_all(connection, heart.vault, 0, now + DAY)
        await visit_faults.list_all(connection, 0, now)


def _body(rng: random.Random, card: Ntag424, tag: bytes) -> dict[int, Any]:
    """Fields by key, most of them as they should be."""
    uid = rng.choice((card.uid, card.uid, tag, rng.randbytes(rng.randrange(1, 11))))
    proof = rng.choice((card.read(), card.proof(rng.randrange(1, 9), bytes(5)), rng.randbytes(24)))
    numbers = (0, 1, rng.randrange(300), MAX_U32)
    if rng.random() < 0.7:
        fields: dict[int, Any] = {4: rng.random() < 0.5, 5: uid, 6: proof, 7: rng.randrange(10)}
        fields |= {8: True, 9: rng.choice(numbers), 10: rng.choice(numbers)}
    else:
        fields = {4: rng.choice(numbers), 5: rng.choice(numbers), 6: rng.choice(numbers)}
        fields |= {
            7: rng.randrange(101),
            8: [rng.choice(numbers) for _ in range(rng.randrange(9))],
        }
    fields |= {0: VISIT if 10 in fields else VISIT_TEST, 1: rng.choice((0, 5_000, DAY, MAX_U62))}
    if rng.random() < 0.3:
        now_s = clock.now_ms() // 1000
        fields[2] = [rng.randrange(5), rng.choice((0, now_s, now_s - 9_999)), rng.randrange(99)]
    for key in rng.sample(sorted(fields), rng.randrange(3)):
        if key > 1:
            fields[key] = rng.choice((None, -1, True, "x", b"", b"y" * 30, [], {}, MAX_U62))
            if fields[key] is None:
                del fields[key]
    return dict(sorted(fields.items()))
