# SPDX-License-Identifier: Apache-2.0
# Modem, PPP and sockets of the simulated board; run by tests/hardware/test_network.py.

import asyncio
import socket

import network
from machine import UART, Pin


async def command(uart, text, within_ms=30_000):
    """What the modem says after it has echoed `text`."""
    uart.write(text + "\r")
    said = answer = b""
    while within_ms > 0 and not any(end in answer for end in (b"OK\r\n", b"CONNECT", b"ERROR")):
        await asyncio.sleep_ms(5)
        within_ms -= 5
        said += uart.read() or b""
        answer = said.partition(text.encode())[2]
    return answer


async def attached():
    uart = UART(1, baudrate=115_200, tx=Pin(17), rx=Pin(18))
    while b"OK" not in await command(uart, "AT", 20):
        pass  # it boots
    while b"+CEREG: 0,1" not in await command(uart, "AT+CEREG?"):
        await asyncio.sleep_ms(20)
    assert b"CONNECT" in await command(uart, "ATD*99***1#")
    ppp = network.PPP(uart)
    ppp.connect(security=network.PPP.SEC_NONE)
    while not ppp.isconnected():
        await asyncio.sleep_ms(10)
    return uart, ppp


def no_network():
    for attempt in (lambda: socket.getaddrinfo("192.0.2.1", 1883), socket.socket):
        try:
            attempt()
        except OSError:
            continue
        raise AssertionError("a way out without PPP")


async def main():
    no_network()
    uart, ppp = await attached()
    reader, writer = await asyncio.open_connection("192.0.2.1", 1883)
    writer.write(b"hello")
    await writer.drain()
    print("echoed", await reader.readexactly(5))
    print("waiting")
    while True:
        try:
            data = await asyncio.wait_for_ms(reader.read(100), 30_000)
        except OSError as error:
            print("broken", error.errno)
            break
        if not data:
            print("closed")
            break
        print("got", data)
        writer.write(data)
        await writer.drain()
    writer.close()
    said = b""
    while ppp.isconnected() or b"NO CARRIER" not in said:
        await asyncio.sleep_ms(10)
        said += uart.read() or b""
    print("down", ppp.status(), said)
    no_network()
    uart, ppp = await attached()
    reader, writer = await asyncio.open_connection("192.0.2.1", 1883)
    writer.write(b"again")
    await writer.drain()
    print("echoed", await reader.readexactly(5))
    ppp.disconnect()
    assert not ppp.isconnected()
    assert b"OK" in await command(uart, "AT")
    no_network()
    print("done")


asyncio.run(main())
