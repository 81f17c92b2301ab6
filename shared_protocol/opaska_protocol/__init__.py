# SPDX-License-Identifier: Apache-2.0
"""The Opaska wire: what a band and a gateway say to each other. See SPEC.md.

Every file runs unchanged on CPython and on MicroPython.
"""

VERSION = 1
