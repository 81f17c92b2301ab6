# SPDX-License-Identifier: Apache-2.0
"""pycose, run by the Python of .venv-oracle: opens or seals what comes as JSON lines on stdin.

open: {"key", "aad", "cose"} -> {"plaintext"}
seal: {"key", "aad", "nonce", "plaintext"} -> {"cose"}
All values are hex; "cose" is the encoded COSE_Encrypt0 with the IV in its unprotected map.
"""

import json
import sys

import cbor2
from pycose.algorithms import AESCCM1664128  # type: ignore[import-not-found,unused-ignore]
from pycose.headers import IV, Algorithm  # type: ignore[import-not-found,unused-ignore]
from pycose.keys import SymmetricKey  # type: ignore[import-not-found,unused-ignore]
from pycose.messages import Enc0Message  # type: ignore[import-not-found,unused-ignore]


def opened(key: bytes, aad: bytes, cose: bytes) -> dict[str, str]:
    """Open our message."""
    message = Enc0Message.from_cose_obj(cbor2.loads(cose), True)
    message.external_aad = aad
    message.key = SymmetricKey(key)
    return {"plaintext": message.decrypt().hex()}


def sealed(key: bytes, aad: bytes, nonce: bytes, plaintext: bytes) -> dict[str, str]:
    """Seal a message as this library would."""
    message = Enc0Message(phdr={Algorithm: AESCCM1664128}, uhdr={IV: nonce}, payload=plaintext)
    message.external_aad = aad
    message.key = SymmetricKey(key)
    return {"cose": message.encode(tag=False).hex()}


for line in sys.stdin:
    asked = {name: bytes.fromhex(text) for name, text in json.loads(line).items()}
    answer = opened(**asked) if "cose" in asked else sealed(**asked)
    sys.stdout.write(json.dumps(answer) + "\n")
