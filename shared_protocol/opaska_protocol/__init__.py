# SPDX-License-Identifier: Apache-2.0
"""The Opaska wire: what a band and a gateway say to each other (see SPEC.md). CPython and MicroPython."""

VERSION = 1
