# SPDX-License-Identifier: Apache-2.0
# Modem, PPP and sockets of the simulated board; run by tests/hardware/test_network.py.

import asyncio
import socket

import network
from machine import UART, Pin


async def command(uart, text):
    uart.write(text + "\r")
    await asyncio.sleep_ms(20)
    return uart.read() or b""


async def attached():
    uart = UART(1, baudrate=115_200, tx=Pin(17), rx=Pin(18))
    while b"+CEREG: 0,1" not in await command(uart, "AT+CEREG?"):
        await asyncio.sleep_ms(20)
    assert b"CONNECT" in await command(uart, "ATD*99***1#")
    ppp = network.PPP(uart)
    ppp.connect(security=network.PPP.SEC_NONE)
    while not ppp.isconnected():
        await asyncio.sleep_ms(10)
    return uart, ppp


def no_network():
    for attempt in (lambda: socket.getaddrinfo("broker.example", 1883), socket.socket):
        try:
            attempt()
        except OSError:
            continue
        raise AssertionError("a way out without PPP")


async def main():
    no_network()
    uart, ppp = await attached()
    reader, writer = await asyncio.open_connection("broker.example", 1883)
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
    while ppp.isconnected():
        await asyncio.sleep_ms(10)
    print("down", ppp.status(), uart.read())
    no_network()
    uart, ppp = await attached()
    reader, writer = await asyncio.open_connection("broker.example", 1883)
    writer.write(b"again")
    await writer.drain()
    print("echoed", await reader.readexactly(5))
    ppp.disconnect()
    assert not ppp.isconnected()
    assert b"OK" in await command(uart, "AT")
    no_network()
    print("done")


asyncio.run(main())
