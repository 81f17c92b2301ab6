# SPDX-License-Identifier: Apache-2.0
# links/mqtt.py against a broker in memory: what goes out, what comes back, and every way out.

import asyncio
import gc
import time

from links_wire import CONNACK_KEPT, Broker, ignore, main, message, until

from opaska_band.links import mqtt
from opaska_band.links.mqtt import MqttClient

TOPIC = b"up/6f7061736b613031/a"
QUIET = 0x10000  # more ticks than any of these tests takes


def client(broker, **settings):
    settings.setdefault("keepalive_s", 60)
    return MqttClient(broker.open_stream, "band", **settings)


def started(broker, **settings):
    """(client, task of its run), with back-off and silence cut short."""
    mqtt._back_off_ms = lambda failures: min(20 << failures, 100)
    mqtt._SILENT_MS = 200
    one = client(broker, **settings)
    return one, asyncio.create_task(one.run())


def publishes(wire):
    """(dup, id, data) of every PUBLISH."""
    found = []
    for kind, body in wire.of(0x30):
        end = 2 + (body[0] << 8 | body[1])
        assert body[2:end] == TOPIC
        assert kind & ~8 == 0x32
        found.append((kind & 8 != 0, body[end] << 8 | body[end + 1], body[end + 2 :]))
    return found


async def test_connect_says_who_we_are_and_asks_for_the_session():
    broker = Broker()
    one, _ = started(
        broker,
        username="me",
        password=b"\x00\xff",
        will=lambda: ("w", b"gone"),
        keepalive_s=300,
    )
    await one.up.wait()
    fields = b"\x00\x04band\x00\x01w\x00\x04gone\x00\x02me\x00\x02\x00\xff"
    assert broker.wire.writes[0] == b"\x10\x21\x00\x04MQTT\x04\xcc\x01\x2c" + fields


async def test_every_connection_leaves_a_will_of_its_own_or_none():
    broker = Broker()
    wills = [("w", b"first"), None, ("w", b"third")]
    started(broker, will=lambda: wills.pop(0))
    for ending in (b"\x00\x01w\x00\x05first", b"\x00\x04band", b"\x00\x01w\x00\x05third"):
        await until(lambda: broker.wires and not broker.wire.closed and broker.wire.of(0x10))
        _, body = broker.wire.of(0x10)[0]
        assert body.endswith(ending)
        assert body[7] == (0x0C if b"w" in ending else 0)  # QoS 1, not retained
        count = len(broker.wires)
        broker.wire.end()
        await until(lambda n=count: len(broker.wires) > n)


async def test_every_connection_subscribes_again():
    broker = Broker()
    one, _ = started(broker, subscriptions=("dn/band",))
    for count in (1, 2, 3):
        await until(lambda n=count: len(broker.wires) == n and broker.wire.of(0x80))
        kind, body = broker.wire.of(0x80)[0]
        assert kind == 0x82
        assert body[2:] == b"\x00\x07dn/band\x01"
        broker.wire.end()
    assert one.connections == 3


async def test_a_message_is_one_write_with_header_and_body():
    broker = Broker()
    one, _ = started(broker)
    await one.publish(TOPIC, b"x" * 200)
    assert len(broker.wire.writes) == 2
    assert publishes(broker.wire) == [(False, 1, b"x" * 200)]


async def test_publish_returns_at_puback_and_not_before():
    broker = Broker(ignore)
    one, _ = started(broker)
    task = asyncio.create_task(one.publish(TOPIC, b"sos"))
    await until(lambda: broker.wires and publishes(broker.wire))
    broker.wire.say(b"\x40\x02\x00\x63")  # of a message that nobody sent
    await asyncio.sleep_ms(20)
    assert not task.done()
    broker.wire.say(b"\x40\x02\x00\x01")
    await until(task.done)


async def test_a_kept_session_gets_the_same_id_again_with_dup():
    broker = Broker(ignore)
    one, _ = started(broker)
    await one.up.wait()
    tasks = [asyncio.create_task(one.publish(TOPIC, b"%d" % n)) for n in range(3)]
    await until(lambda: len(publishes(broker.wire)) == 3)
    broker.wire.say(b"\x40\x02\x00\x02")
    await until(tasks[1].done)
    broker.connack = CONNACK_KEPT
    broker.wire.end()
    await until(lambda: len(broker.wires) == 2 and len(publishes(broker.wire)) == 2)
    assert publishes(broker.wire) == [(True, 1, b"0"), (True, 3, b"2")]
    broker.wire.say(b"\x40\x02\x00\x01\x40\x02\x00\x03")
    await until(lambda: tasks[0].done() and tasks[2].done())


async def test_a_lost_session_gets_them_as_new_messages():
    broker = Broker(ignore)
    one, _ = started(broker)
    await one.up.wait()
    one.post(TOPIC, b"sos")
    await until(lambda: publishes(broker.wire))
    broker.wire.end()
    await until(lambda: len(broker.wires) == 2 and publishes(broker.wire))
    assert publishes(broker.wire) == [(False, 1, b"sos")]


async def test_what_was_posted_without_a_link_goes_out_when_there_is_one():
    broker = Broker()
    broker.refuses = 3
    one, _ = started(broker)
    await asyncio.wait_for(one.publish(TOPIC, b"sos"), 3)
    assert publishes(broker.wire) == [(False, 1, b"sos")]


async def test_many_publishers_share_one_link():
    broker = Broker()
    one, _ = started(broker)
    await asyncio.gather(*[one.publish(TOPIC, b"%d" % n) for n in range(100)])
    found = publishes(broker.wire)
    assert sorted(int(data) for _, _, data in found) == list(range(100))
    assert len({id_ for _, id_, _ in found}) == 100
    assert max(len(write) for write in broker.wire.writes) <= 1100


async def test_ids_that_wait_are_not_used_twice():
    broker = Broker(ignore)
    one, _ = started(broker)
    one._id = 0xFFFE
    one.post(TOPIC, b"a")
    one.post(TOPIC, b"b")
    one._id = 0xFFFE
    one.post(TOPIC, b"c")
    assert [packet.id for packet in one._pending] == [0xFFFF, 1, 2]


async def test_a_cancelled_publisher_tears_nothing_apart():
    broker = Broker(ignore)
    one, _ = started(broker)
    await one.up.wait()
    for n in range(20):
        task = asyncio.create_task(one.publish(TOPIC, b"%d" % n))
        await asyncio.sleep_ms(n % 3)
        task.cancel()
    await until(lambda: len(publishes(broker.wire)) == 20)
    assert len(one._pending) == 20  # the reports are still wanted


async def test_cancelling_run_closes_the_link_and_ends():
    for moment in range(12):
        broker = Broker()
        one, task = started(broker, subscriptions=("dn/band",))
        one.post(TOPIC, b"x")
        for _ in range(moment):
            await asyncio.sleep_ms(0)
        task.cancel()
        try:
            await task
            raise AssertionError("run() ended by itself")
        except asyncio.CancelledError:
            pass
        await asyncio.sleep_ms(5)
        assert not one.up.is_set()
        assert all(wire.closed for wire in broker.wires), moment


async def test_messages_reach_the_handler_and_are_confirmed():
    broker = Broker()
    got = []
    one, _ = started(broker, on_message=lambda topic, data: got.append((topic, data)))
    await one.up.wait()
    broker.wire.say(message(b"dn/band", b"yes") + message(b"dn/band", b"quick", qos=0))
    broker.wire.say(message(b"dn/band", bytes(1500), id_=0x1234))
    await until(lambda: len(broker.wire.of(0x40)) == 2)
    assert got == [(b"dn/band", b"yes"), (b"dn/band", b"quick"), (b"dn/band", bytes(1500))]
    assert [body for _, body in broker.wire.of(0x40)] == [b"\x00\x07", b"\x12\x34"]


async def test_a_handler_that_fails_does_not_make_the_band_deaf():
    broker = Broker()
    got = []

    def handler(topic, data):
        got.append(data)
        raise ValueError("bug")

    one, _ = started(broker, on_message=handler)
    await one.up.wait()
    broker.wire.say(message(b"t", b"1") + message(b"t", b"2"))
    await until(lambda: len(broker.wire.of(0x40)) == 2)
    assert got == [b"1", b"2"]
    assert isinstance(one.last_error, ValueError)
    assert len(broker.wires) == 1


async def test_a_quiet_link_is_asked_and_a_dead_one_left():
    broker = Broker()
    one, _ = started(broker, keepalive_s=1)
    await one.up.wait()
    begin = time.ticks_ms()
    await until(lambda: broker.wire.of(0xC0))
    assert 600 <= time.ticks_diff(time.ticks_ms(), begin) <= 1000
    await until(lambda: len(broker.wire.of(0xC0)) == 2)  # answered: the link lives
    assert one.connections == 1
    broker._answer = ignore
    await until(lambda: one.connections == 2)
    assert "no answer" in str(one.last_error)


async def test_an_unanswered_publish_ends_the_link_long_before_the_keepalive():
    broker = Broker(ignore)
    one, _ = started(broker, keepalive_s=600)
    await one.up.wait()
    one.post(TOPIC, b"sos")
    begin = time.ticks_ms()
    await until(lambda: len(broker.wires) == 2)
    assert 190 <= time.ticks_diff(time.ticks_ms(), begin) <= 400


async def test_a_link_that_takes_no_bytes_is_left():
    broker = Broker()
    one, _ = started(broker)
    await one.up.wait()
    broker.wire.stuck = True
    task = asyncio.create_task(one.publish(TOPIC, b"sos"))
    await until(task.done)
    assert one.connections == 2


async def test_a_link_can_be_left_for_the_next_one():
    broker = Broker()
    mqtt._back_off_ms = lambda failures: 60_000
    one = client(broker)
    task = asyncio.create_task(one.run())
    for count in (1, 2, 3):
        await until(lambda n=count: one.connections == n and one.up.is_set())
        broker.wire.say(message(b"t", b""))
        await until(lambda: one.messages == 1)
        one.leave()
        await until(lambda n=count: broker.wires[n - 1].closed)
    await until(lambda: one.up.is_set() and one.messages == 0)
    task.cancel()


async def test_a_refused_connect_is_tried_again_and_told():
    broker = Broker(connack=b"\x20\x02\x00\x05")
    one, _ = started(broker)
    await until(lambda: len(broker.wires) >= 3)
    assert "refused, code 5" in str(one.last_error)
    assert not one.up.is_set()
    assert all(wire.closed for wire in broker.wires[:-1])


async def test_a_refused_subscription_is_told_and_the_sos_still_sent():
    def refuse(wire, packet):
        kind, body = packet
        if kind == 0x82:
            wire.say(b"\x90\x03" + body[:2] + b"\x80")
        elif kind & 0xF0 == 0x30:
            wire.say(b"\x40\x02\x00\x02")

    broker = Broker(refuse)
    one, _ = started(broker, subscriptions=("dn/band",))
    await one.up.wait()
    await until(lambda: one.last_error)
    assert "subscription" in str(one.last_error)
    await asyncio.wait_for(one.publish(TOPIC, b"sos"), 1)


async def test_the_back_off_doubles_with_jitter_and_can_be_hurried():
    for failures, most in ((0, 2000), (1, 4000), (3, 16_000), (6, 60_000), (500, 60_000)):
        waits = [mqtt._back_off_ms(failures) for _ in range(300)]
        assert most // 2 <= min(waits) < most * 6 // 10
        assert most * 9 // 10 < max(waits) <= most
    broker = Broker()
    broker.refuses = 5
    one = client(broker)
    task = asyncio.create_task(one.run())
    for _ in range(5):
        await asyncio.sleep_ms(20)
        one.hurry()
    await asyncio.wait_for(one.up.wait(), 1)
    task.cancel()


async def test_a_broker_that_takes_everybody_and_throws_them_out_is_no_endless_loop():
    """As two bands with one identity do to each other. `hurry` as the sender does for an SOS."""
    waits = []
    broker = Broker(lambda wire, packet: wire.end())
    one, _ = started(broker, subscriptions=("dn/band",))
    mqtt._back_off_ms = lambda failures: waits.append(failures) or 20
    one.on_up = one.hurry
    begin = time.ticks_ms()
    await until(lambda: len(broker.wires) == 6)
    assert waits[:5] == [0, 1, 2, 3, 4], waits
    assert time.ticks_diff(time.ticks_ms(), begin) >= 5 * 20


class Fast:
    """In place of `time`: 40 seconds pass in one."""

    ticks_diff = time.ticks_diff

    def ticks_ms(self):
        return time.ticks_ms() * 40


class FastWaits:
    """In place of `asyncio`, likewise."""

    Event = asyncio.Event
    TimeoutError = asyncio.TimeoutError

    def create_task(self, work):
        return asyncio.create_task(work)

    def wait_for_ms(self, awaitable, ms):
        return asyncio.wait_for_ms(awaitable, max(1, ms // 40))


def fast():
    mqtt.time, mqtt.asyncio = Fast(), FastWaits()
    mqtt._SILENT_MS = 10_000


async def test_a_link_that_was_quiet_for_long_and_is_dead_is_left_sooner_and_without_a_pause():
    """As one that a network's address translation has forgotten, when an SOS is to be sent."""
    waits = []
    broker = Broker(ignore)
    one, _ = started(broker, keepalive_s=600)
    mqtt._back_off_ms = lambda failures: waits.append(failures) or 60_000
    fast()
    await one.up.wait()
    await asyncio.sleep_ms(1_600)  # 64 s
    one.post(TOPIC, b"sos")
    begin = time.ticks_ms()
    await until(lambda: len(broker.wires) == 2)
    assert 100 <= time.ticks_diff(time.ticks_ms(), begin) < 250, "5 s, where others get 10"
    assert waits == [0], "a pause that would have lasted a minute"


async def test_another_keepalive_holds_from_the_next_connection_on():
    broker = Broker()
    one, _ = started(broker, keepalive_s=1)
    await one.up.wait()
    one.keepalive_s = 600
    await until(lambda: broker.wire.of(0xC0))  # the broker still expects a word every second
    one.leave()
    await until(lambda: one.connections == 2)
    assert broker.wire.of(0x10)[0][1][8:10] == (600).to_bytes(2, "big")
    await asyncio.sleep_ms(1_100)
    assert not broker.wire.of(0xC0)


async def test_a_case_that_is_open_is_a_reason_to_ask_every_minute():
    broker = Broker()
    one, _ = started(broker, keepalive_s=1_800)
    fast()
    await one.up.wait()
    await asyncio.sleep_ms(1_600)
    assert not broker.wire.of(0xC0)
    one.is_near = lambda: True
    await one.publish(TOPIC, b"sos")
    begin = time.ticks_ms()
    await until(lambda: broker.wire.of(0xC0))
    assert 1_400 <= time.ticks_diff(time.ticks_ms(), begin) <= 1_700


async def test_a_connection_that_lasted_is_no_failure():
    waits = []
    broker = Broker()
    one, _ = started(broker, keepalive_s=600)
    mqtt._back_off_ms = lambda failures: waits.append(failures) or 1
    mqtt.time = Fast()
    for count, lives_ms in ((1, 0), (2, 0), (3, 400), (4, 0)):
        await until(lambda n=count: one.connections == n)
        await asyncio.sleep_ms(lives_ms)
        broker.wire.end()
    await until(lambda: one.connections == 5)
    assert waits == [0, 1, 0, 1], waits


async def test_a_hurry_during_the_pause_or_the_opening_still_ends_it():
    broker = Broker()
    one, _ = started(broker)
    await one.up.wait()
    mqtt._back_off_ms = lambda failures: 60_000
    broker.wire.end()
    await until(lambda: not one.up.is_set())
    one.hurry()
    await until(lambda: len(broker.wires) == 2)
    await one.up.wait()
    one.leave()
    await until(lambda: len(broker.wires) == 3)


async def test_an_oversized_packet_is_refused_before_it_is_allocated():
    broker = Broker()
    one, _ = started(broker)
    for head in (b"\x30\xff\xff\xff\x7f", b"\x30\x81\x10", b"\x30\xff\xff\xff\xff\x01"):
        await one.up.wait()
        links = one.connections
        gc.collect()
        before = gc.mem_alloc()
        broker.wire.say(head)
        await until(lambda n=links: one.connections > n)
        assert "too long" in str(one.last_error)
        gc.collect()
        assert gc.mem_alloc() - before < 8_000


async def test_a_flood_of_messages_is_bounded():
    broker = Broker()
    one, _ = started(broker)
    await one.up.wait()
    broker.wire.stuck = True
    one.post(TOPIC, b"x")
    broker.wire.say(message(b"t", b"") * 200)
    await until(lambda: len(broker.wires) == 2)
    assert len(one._acks) <= 64


async def test_a_publish_costs_little_heap():
    broker = Broker()
    one, _ = started(broker)
    await one.up.wait()
    data = bytes(60)
    for _ in range(5):
        await one.publish(TOPIC, data)
    broker.wire.writes.clear()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(20):
        await one.publish(TOPIC, data)
    churn = (gc.mem_alloc() - before) // 20
    gc.enable()
    print("heap churn of a publish with the broker in memory:", churn)
    assert churn < 8_000, churn


main(globals())
