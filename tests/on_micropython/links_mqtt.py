# SPDX-License-Identifier: Apache-2.0
# links/mqtt.py against a broker in memory: the packets that go out and those that come back.

import asyncio
import gc

from links_wire import CONNACK, CONNACK_KEPT, TOPIC, Broker, ignore, message, started
from single import main, until


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
    await one.publish(TOPIC, b"sos")


async def test_a_message_is_one_write_with_header_and_body():
    broker = Broker()
    one, _ = started(broker)
    await one.publish(TOPIC, b"x" * 200)
    assert len(broker.wire.writes) == 2
    assert broker.wire.publishes == [(False, 1, b"x" * 200)]


async def test_publish_returns_at_puback_and_not_before():
    broker = Broker(ignore)
    one, _ = started(broker)
    task = asyncio.create_task(one.publish(TOPIC, b"sos"))
    await until(lambda: broker.wires and broker.wire.publishes)
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
    await until(lambda: len(broker.wire.publishes) == 3)
    broker.wire.say(b"\x40\x02\x00\x02")
    await until(tasks[1].done)
    broker.connack = CONNACK_KEPT
    broker.wire.end()
    await until(lambda: len(broker.wires) == 2 and len(broker.wire.publishes) == 2)
    assert broker.wire.publishes == [(True, 1, b"0"), (True, 3, b"2")]
    broker.wire.say(b"\x40\x02\x00\x01\x40\x02\x00\x03")
    await until(lambda: tasks[0].done() and tasks[2].done())


async def test_a_lost_session_gets_them_as_new_messages():
    broker = Broker(ignore)
    one, _ = started(broker)
    await one.up.wait()
    one.post(TOPIC, b"sos")
    await until(lambda: broker.wire.publishes)
    broker.wire.end()
    await until(lambda: len(broker.wires) == 2 and broker.wire.publishes)
    assert broker.wire.publishes == [(False, 1, b"sos")]


async def test_a_broker_that_forgot_us_is_told_of_and_one_that_did_not_is_not():
    broker = Broker()
    one, _ = started(broker)
    forgotten = []
    one.on_forgotten = lambda: forgotten.append(one.connections)
    for connack in (CONNACK, CONNACK_KEPT, CONNACK):
        broker.connack = connack
        count = len(broker.wires)
        if count:
            broker.wire.end()
        await until(lambda n=count: len(broker.wires) > n and one.connections > n)
    assert forgotten == [1, 3]


async def test_what_was_posted_without_a_link_goes_out_when_there_is_one():
    broker = Broker()
    broker.refuses = 3
    one, _ = started(broker)
    await one.publish(TOPIC, b"sos")
    assert broker.wire.publishes == [(False, 1, b"sos")]


async def test_many_publishers_share_one_link():
    broker = Broker()
    one, _ = started(broker)
    await asyncio.gather(*[one.publish(TOPIC, b"%d" % n) for n in range(100)])
    found = broker.wire.publishes
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
    await until(lambda: len(broker.wire.publishes) == 20)
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
