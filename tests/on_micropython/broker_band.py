# SPDX-License-Identifier: Apache-2.0
# A band's own MQTT client over TLS-PSK, driven by JSON lines, as tests/gateway/deploy needs it.

import asyncio
import binascii
import json
import sys

import tls

from opaska_band.links.mqtt import MqttClient

plan = json.loads(sys.argv[1])


def say(event, *values):
    print(json.dumps([event] + list(values)))


async def open_stream():
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_NONE  # the key proves both ends
    context.psk_identity = plan["identity"]
    context.psk_key = binascii.unhexlify(plan["key"])
    return await asyncio.open_connection("127.0.0.1", plan["port"], ssl=context)


def on_message(topic, data):
    say("got", topic.decode(), binascii.hexlify(data).decode())


async def publish(client, topic, data):
    await client.publish(topic, binascii.unhexlify(data))
    say("acked", topic)


async def tell_trouble(client):
    """Say why a connection ended, and do not wait for the next."""
    while True:
        if client.last_error:
            say("trouble", repr(client.last_error))
            client.last_error = None
        client.hurry()
        await asyncio.sleep_ms(100)


async def main():
    client = MqttClient(
        open_stream,
        plan["client_id"],
        plan["username"],
        will=lambda: plan.get("will"),
        subscriptions=plan["subscriptions"],
        on_message=on_message,
    )
    client.on_up = lambda: say("up")
    tasks = [asyncio.create_task(client.run()), asyncio.create_task(tell_trouble(client))]
    lines = asyncio.StreamReader(sys.stdin)
    while True:
        line = await lines.readline()
        if not line:
            return
        tasks.append(asyncio.create_task(publish(client, *json.loads(line))))


asyncio.run(main())
