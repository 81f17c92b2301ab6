# SPDX-License-Identifier: Apache-2.0
# The strap through its driver, TouchPad and ADC themselves; run by tests/hardware/test_strap.py.

import time

from machine import ADC, Pin, TouchPad

from opaska_band.boards.band_v1 import Board
from opaska_band.drivers.strap import Strap

edges = [0]


def on_edge():
    edges[0] += 1


def refuses(make):
    try:
        make()
    except ValueError:
        return True
    return False


def wait(condition):
    while not condition():
        time.sleep_ms(5)


board = Board()
strap = Strap(board.strap_loop, board.strap_sense, board.strap_pad, on_edge)
assert strap.loop_mv() < 800
skin = strap.pad_count()
assert skin > 36_000
assert refuses(lambda: TouchPad(Pin(16))), "no touch channel"
assert refuses(lambda: ADC(Pin(38))), "no converter"
assert ADC(Pin(10), atten=ADC.ATTN_0DB).read_uv() == 0
print("ready")
wait(lambda: edges[0])
print("edges", edges[0])
time.sleep_ms(2_000)
away = strap.pad_count() < skin * 9 // 10
wait(lambda: board.sos_button.value() == 0)
print("storm", edges[0])
was_noisy = strap.is_noisy
assert strap.loop_mv() is None
strap.listen()
assert not strap.is_noisy
open_ = 800 < strap.loop_mv() < 2_920
print("open", int(open_), int(away), was_noisy)
print("done")
