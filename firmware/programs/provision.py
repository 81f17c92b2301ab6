# SPDX-License-Identifier: Apache-2.0
# Writes a band's identity into its NVS, at the bench: its own from band.json, the bundle of
# `opaska bands add` or `rekey`, and what all bands share from site.json (firmware/README.md).
#
#   mpremote mount FOLDER run firmware/programs/provision.py
#
# The folder stays on the host. The key is never printed; one wrong value, and nothing is written.

import json
from binascii import unhexlify

from esp32 import NVS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read(name: str) -> "dict[str, Any]":
    with open(name) as file:
        found: "dict[str, Any]" = json.load(file)
    return found


def check(is_good: bool, what: str) -> None:
    if not is_good:
        raise ValueError(what)


def identity(bundle: "dict[str, Any]", site: "dict[str, Any]") -> "dict[str, int | bytes]":
    """What is written, by its name in the NVS."""
    kid, key, generation = unhexlify(bundle["kid"]), unhexlify(bundle["key"]), bundle["generation"]
    check(len(kid) == 8, "band.json, kid: 16 hex digits")
    check(len(key) == 16, "band.json, key: 32 hex digits")
    check(0 < generation <= 0xFFFF, "band.json, generation: 1 to 65535")
    for broker in site["broker"].split(","):
        host, _, port = broker.partition(":")
        check(host and port.isdigit(), "site.json, broker: host:port, or two joined by a comma")
    tls, build = site.get("tls", 1), site.get("build", 1)
    check(tls in (0, 1), "site.json, tls: 1 with TLS-PSK, 0 without")
    check(build in (1, 2), "site.json, build: 1 bench, 2 sealed, which nobody gets into again")
    return {
        "kid": kid,
        "key": key,
        "gen": generation,
        "broker": site["broker"].encode(),
        "tls": tls,
        "apn": site.get("apn", "").encode(),
        "build": build,
    }


def write(nvs: "Any", values: "dict[str, int | bytes]") -> None:
    for name, value in values.items():
        if isinstance(value, int):
            nvs.set_i32(name, value)
        else:
            nvs.set_blob(name, value)
    try:
        nvs.get_i32("boot")
    except OSError:
        nvs.set_i32("boot", 0)  # never started; set back under the same key, reports would clash
    nvs.commit()


bundle = read("band.json")
write(NVS("opaska"), identity(bundle, read("site.json")))
print("band %s, generation %d: written. Reset it." % (bundle["label"], bundle["generation"]))
