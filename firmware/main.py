# SPDX-License-Identifier: Apache-2.0
# MicroPython starts here after each reset.

from opaska_band import boot

boot.run()
