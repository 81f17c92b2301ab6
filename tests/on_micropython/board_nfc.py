# SPDX-License-Identifier: Apache-2.0
# The NFC reader's driver on the simulated board; run by tests/hardware/test_nfc.py. While the SOS
# button is held it looks for cards and tells what it finds; then the reader has no current.

import asyncio
import time

from opaska_band.boards.band_v1 import Board
from opaska_band.drivers.ntag424 import read_proof
from opaska_band.drivers.pn532 import PN532, CardError, NfcError

board = Board()
pins = board.i2c, board.nfc_irq, board.nfc_reset


def say(*words):
    print(time.ticks_ms(), *words)


async def look(reader):
    try:
        number = await reader.find(300)
        proof = await read_proof(reader) if number else None
        say("card", number and number.hex(), proof and proof.hex())
    except CardError as error:
        say("lost", error)
    except NfcError as error:
        say("broken", error)
        reader.off()
        await asyncio.sleep_ms(1_000)


async def main():
    while True:
        while board.sos_button.value():
            await asyncio.sleep_ms(20)
        reader = PN532(*pins)
        while not board.sos_button.value():
            await look(reader)
            await asyncio.sleep_ms(100)
        reader.off()
        say("off", reader.trouble)


print("ready")
asyncio.run(main())
