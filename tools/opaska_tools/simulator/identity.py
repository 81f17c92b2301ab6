# SPDX-License-Identifier: Apache-2.0
"""The identity in a simulated band's NVS, written as the bench writes it into a real one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

NAMESPACE = "opaska"


def write_identity(
    folder: Path,
    kid: bytes,
    generation: int,
    key: bytes,
    *,
    brokers: str,
    tls: bool,
    build: int,
    apn: str = "",
) -> None:
    """Add the identity to nvs.json; blobs are hex there (hardware/simulated/esp32.py)."""
    if len(kid) != 8 or len(key) != 16:
        raise ValueError("a kid has 8 bytes and a key 16")
    everything = read_nvs(folder)
    everything.setdefault(NAMESPACE, {}).update(
        kid=kid.hex(),
        key=key.hex(),
        gen=generation,
        build=build,
        boot=0,  # provisioned and never started; without it the band counts its boots as lost
        broker=brokers.encode().hex(),
        tls=int(tls),
        apn=apn.encode().hex(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / "nvs.json.new"
    new.write_text(json.dumps(everything), encoding="utf-8")
    new.rename(folder / "nvs.json")


def read_nvs(folder: Path) -> dict[str, dict[str, Any]]:
    """All namespaces of a band's NVS."""
    file = folder / "nvs.json"
    if not file.exists():
        return {}
    content: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return content
