# SPDX-License-Identifier: Apache-2.0
# links/mqtt.py and time: when a quiet link is asked, a dead one left, and the next one opened.

import asyncio
import time

from links_wire import TOPIC, Broker, ignore, message, started
from single import main, until

from opaska_band.links import mqtt
from opaska_band.links.mqtt import MqttClient

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
PINGREQ = 0xC0


def since(begin):
    return time.ticks_diff(time.ticks_ms(), begin)


def assert_doubling(pauses_ms):
    """Half of a pause is random."""
    for failures, pause_ms in enumerate(pauses_ms):
        most = min(2_000 << failures, 300_000)
        assert most // 2 <= pause_ms <= most, pauses_ms


# --- a link that is up ---


async def test_a_quiet_link_is_asked_and_a_dead_one_left():
    broker = Broker()
    one, _ = started(broker, keepalive_s=60)
    await one.up.wait()
    begin = time.ticks_ms()
    for asked in (1, 2):
        await until(lambda n=asked: len(broker.wire.of(PINGREQ)) == n)
        assert since(begin) == asked * 45_000
    broker._answer = ignore  # so far it lives
    await until(lambda: len(broker.wires) == 2)
    assert broker.wires[0].lasted_ms == 3 * 45_000 + 10_000
    assert "no answer" in str(one.last_error)


async def test_an_unanswered_publish_ends_the_link_long_before_the_keepalive():
    broker = Broker(ignore)
    one, _ = started(broker, keepalive_s=600)
    await one.up.wait()
    await asyncio.sleep_ms(MINUTE_MS)
    one.post(TOPIC, b"sos")
    await until(lambda: len(broker.wires) == 2)
    assert broker.wires[0].lasted_ms == MINUTE_MS + 10_000


async def test_a_link_that_was_quiet_for_long_and_is_dead_is_left_sooner_and_without_a_pause():
    """As one that a network's address translation has forgotten, when an SOS is to be sent."""
    broker = Broker(ignore)
    one, _ = started(broker, keepalive_s=600)
    await one.up.wait()
    await asyncio.sleep_ms(MINUTE_MS + 1)
    one.post(TOPIC, b"sos")
    await until(lambda: len(broker.wires) == 2)
    assert broker.wires[0].lasted_ms == MINUTE_MS + 1 + 5_000
    assert broker.pauses_ms == [0]


async def test_a_link_that_takes_no_bytes_is_left():
    broker = Broker()
    one, _ = started(broker)
    await one.up.wait()
    broker.wire.stuck = True
    await one.publish(TOPIC, b"sos")
    assert one.connections == 2
    assert broker.wires[0].lasted_ms == 10_000


async def test_a_link_can_be_left_for_the_next_one():
    broker = Broker()
    one, task = started(broker)
    for count in (1, 2, 3):
        await until(lambda n=count: one.connections == n and one.up.is_set())
        broker.wire.say(message(b"t", b""))
        await until(lambda: one.messages == 1)
        one.leave()
        await until(lambda n=count: broker.wires[n - 1].closed)
    await until(lambda: one.up.is_set() and one.messages == 0)
    task.cancel()
    assert broker.pauses_ms == [0, 0, 0]


async def test_another_keepalive_holds_from_the_next_connection_on():
    broker = Broker()
    one, _ = started(broker, keepalive_s=60)
    await one.up.wait()
    one.keepalive_s = 600
    await until(lambda: broker.wire.of(PINGREQ))  # the broker still expects a word every minute
    one.leave()
    await until(lambda: one.connections == 2)
    assert broker.wires[0].lasted_ms == 45_000
    assert broker.wire.of(0x10)[0][1][8:10] == (600).to_bytes(2, "big")
    begin = time.ticks_ms()
    await until(lambda: broker.wire.of(PINGREQ), HOUR_MS)
    assert since(begin) == 450_000


async def test_a_case_that_is_open_is_a_reason_to_ask_every_minute():
    broker = Broker()
    one, _ = started(broker, keepalive_s=1_800)
    await one.up.wait()
    await asyncio.sleep_ms(10 * MINUTE_MS)
    assert not broker.wire.of(PINGREQ)
    one.is_near = lambda: True
    await one.publish(TOPIC, b"sos")
    begin = time.ticks_ms()
    for asked in (1, 2, 3):
        await until(lambda n=asked: len(broker.wire.of(PINGREQ)) == n)
        assert since(begin) == asked * MINUTE_MS


# --- between two links ---


async def test_a_refused_connect_is_tried_again_and_told():
    broker = Broker(connack=b"\x20\x02\x00\x05")
    one, _ = started(broker)
    await until(lambda: len(broker.wires) == 4)
    assert "refused, code 5" in str(one.last_error)
    assert not one.up.is_set()
    assert all(wire.closed for wire in broker.wires[:-1])
    assert_doubling(broker.pauses_ms)


async def test_the_back_off_doubles_with_jitter_and_can_be_hurried():
    for failures, most in (
        (0, 2000),
        (1, 4000),
        (3, 16_000),
        (5, 64_000),
        (8, 300_000),
        (500, 300_000),
    ):
        waits = [mqtt._back_off_ms(failures) for _ in range(300)]
        assert most // 2 <= min(waits) < most * 6 // 10
        assert most * 9 // 10 < max(waits) <= most
    broker = Broker()
    broker.refuses = 5
    one, _ = started(broker)
    begin = time.ticks_ms()
    for _ in range(5):
        await asyncio.sleep_ms(20)
        one.hurry()
    await one.up.wait()
    assert since(begin) == 100


async def test_a_broker_that_takes_everybody_and_throws_them_out_is_no_endless_loop():
    """As two bands with one identity do to each other. `hurry` as the sender does for an SOS."""
    broker = Broker(lambda wire, packet: wire.end())
    one, _ = started(broker, subscriptions=("dn/band",))
    one.on_up = one.hurry
    await until(lambda: len(broker.wires) == 12, HOUR_MS)
    assert_doubling(broker.pauses_ms)


async def test_a_connection_that_lasted_is_no_failure():
    broker = Broker()
    one, _ = started(broker, keepalive_s=600)
    for count, lives_ms in enumerate((0, 9_999, 10_000, 0)):
        await until(lambda n=count: one.connections > n)
        await asyncio.sleep_ms(lives_ms)
        broker.wire.end()
    await until(lambda: one.connections == 5)
    assert_doubling(broker.pauses_ms[:2])
    assert_doubling(broker.pauses_ms[2:])


async def test_a_connection_that_lived_until_the_ticks_wrapped_was_no_failure():
    broker = Broker()
    broker.refuses = 8
    one, _ = started(broker, keepalive_s=1_800)
    await one.up.wait()
    for _ in range(7 * 24):
        await asyncio.sleep_ms(HOUR_MS)
    assert one.connections == 1
    assert since(broker.wire.opened_at) < 0, "as after 6 to 12 days"
    broker.wire.end()
    await until(lambda: len(broker.wires) == 2)
    assert_doubling(broker.pauses_ms)


async def test_while_an_sos_waits_no_pause_is_longer_than_a_minute():
    tries = []

    async def nowhere():
        tries.append(time.ticks_ms())
        raise OSError("no network")

    def pauses_ms():
        return [time.ticks_diff(tries[n + 1], tries[n]) for n in range(len(tries) - 1)]

    one = MqttClient(nowhere, "band")
    task = asyncio.create_task(one.run())
    await asyncio.sleep_ms(2 * HOUR_MS)
    assert_doubling(pauses_ms())
    assert min(pauses_ms()[8:]) >= 150_000
    one.is_awaited = lambda: True
    one.hurry()
    tries.clear()
    await asyncio.sleep_ms(HOUR_MS)
    task.cancel()
    assert set(pauses_ms()) == {MINUTE_MS}


async def test_a_hurry_during_the_pause_or_the_opening_still_ends_it():
    broker = Broker()
    one, _ = started(broker)
    await one.up.wait()
    broker.wire.end()
    await until(lambda: not one.up.is_set())
    await asyncio.sleep_ms(999)
    one.hurry()
    await until(lambda: len(broker.wires) == 2)
    await one.up.wait()
    one.leave()
    await until(lambda: len(broker.wires) == 3)
    assert broker.pauses_ms == [999, 0]


main(globals())
