# SPDX-License-Identifier: Apache-2.0
# battery.py with its real driver on the simulated board; run by tests/hardware/test_battery.py.
# Faults are printed as they come, a heartbeat's fields every 20 minutes.

import asyncio

from opaska_band.battery import Battery
from opaska_band.boards.band_v1 import Board
from opaska_band.clock import Uptime
from opaska_band.faults import Faults
from opaska_band.storage import mount


async def tell_faults():
    while True:
        code, detail, _ = await faults.take()
        print(uptime.ms(), "fault", code, detail)


async def tell_fields():
    names = ("battery_percent", "battery_mv", "charging", "hours_left", "broken")
    while True:
        await asyncio.sleep(1_200)
        fields = battery.read()
        print(uptime.ms(), "beat", *[str(fields.get(name)).replace(" ", "") for name in names])


async def main():
    await asyncio.gather(battery.run(storage, uptime), tell_faults(), tell_fields())


board = Board()
uptime = Uptime()
faults = Faults(uptime)
storage = mount(board)
battery = Battery(board, faults)
print("ready")
asyncio.run(main())
