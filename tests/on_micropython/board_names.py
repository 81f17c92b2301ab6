# SPDX-License-Identifier: Apache-2.0
# How many names the whole band brings along, also by what it imports late; run by
# tests/hardware/test_names.py.

import os

import micropython


def import_all(folder, package):
    for name, kind, *_ in os.ilistdir(folder):
        if kind == 0x4000:
            import_all(folder + "/" + name, package + name + ".")
        elif name.endswith(".mpy") and name != "main.mpy":
            module = package + name[:-4]
            print("imports", module)
            __import__(module)


import_all("/rom", "")
micropython.qstr_info()
