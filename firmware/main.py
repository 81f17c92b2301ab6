# SPDX-License-Identifier: Apache-2.0
# MicroPython starts here after each reset. Whatever escapes is shown and ends in a new start.

import sys
import time

try:
    from opaska_band import boot

    boot.run()
except Exception as error:
    import machine

    sys.print_exception(error)
    time.sleep_ms(3_000)  # to read the console and to interrupt
    machine.reset()
