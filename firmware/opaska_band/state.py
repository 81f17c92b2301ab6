# SPDX-License-Identifier: Apache-2.0
"""The two numbers that must never go back: the boot counter and the last order (dseq).

Each lives twice, as a file and in NVS; the greater one counts. A number is used only after it
was written and read back, since (key, boot, seq) makes the nonce and names the report.
"""

import os

from micropython import const

from opaska_protocol import reports

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any

    from .storage import Storage

_BOOT = const("boot")
_DSEQ = const("dseq")
_MAX = const(0xFFFFFFFF)
_RANDOM_FROM = const(0x80000000)  # above every counter that grew one by one


def next_boot(storage: "Storage", nvs: "Any") -> "tuple[int, list[int]]":
    """(boot, fault codes): a boot number that was never used, kept before it is returned.

    NVS 0 without a file means "provisioned, never started". With one copy lost the other counts
    on; with both lost the number is random: the boot salt keeps the nonces apart.
    """
    on_flash, in_nvs = _from_flash(storage, _BOOT), _from_nvs(nvs, _BOOT)
    faults = []
    lost = (on_flash is None and storage.root is not None) or in_nvs is None
    if lost and not (on_flash is None and in_nvs == 0):
        faults.append(reports.STATE_LOST)
    boot = max(on_flash or 0, in_nvs or 0) + 1
    if (on_flash is None and in_nvs is None) or boot > _MAX:
        boot = _random_boot()
    flash_keeps, nvs_keeps = _keep(storage, nvs, _BOOT, boot)
    if not flash_keeps and storage.root is not None:
        faults.append(storage.trouble)
    if not nvs_keeps and reports.STATE_LOST not in faults:
        faults.append(reports.STATE_LOST)
    if not flash_keeps and not nvs_keeps:
        boot = _random_boot()  # nobody will remember it, so it must not be the next one again
    return boot, faults


def load_dseq(storage: "Storage", nvs: "Any") -> int:
    """The number of the last order that took effect, 0 when there was none."""
    return max(_from_flash(storage, _DSEQ) or 0, _from_nvs(nvs, _DSEQ) or 0)


def save_dseq(storage: "Storage", nvs: "Any", dseq: int) -> bool:
    """Keep it before the order takes effect. False: kept nowhere, so the order must not."""
    return any(_keep(storage, nvs, _DSEQ, dseq))


def _keep(storage: "Storage", nvs: "Any", name: str, number: int) -> "tuple[bool, bool]":
    on_flash = storage.save(name, number.to_bytes(4, "big"))
    try:
        nvs.set_i32(name, number - ((number & 0x80000000) << 1))  # NVS has signed numbers only
        nvs.commit()
    except OSError:
        pass
    return on_flash, _from_nvs(nvs, name) == number


def _from_flash(storage: "Storage", name: str) -> "int | None":
    data = storage.load(name)
    return int.from_bytes(data, "big") if data is not None and len(data) == 4 else None


def _from_nvs(nvs: "Any", name: str) -> "int | None":
    try:
        return nvs.get_i32(name) & _MAX
    except OSError:
        return None


def _random_boot() -> int:
    return _RANDOM_FROM + int.from_bytes(os.urandom(4), "big") % (_MAX - _RANDOM_FROM)
