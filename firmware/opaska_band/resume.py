# SPDX-License-Identifier: Apache-2.0
# After a restart: which of the urgent reports that wait in the outbox are alarms. Their bytes are
# sealed, also to us, so the band opens them as a gateway would.

from micropython import const

from opaska_protocol import frame, reports
from opaska_protocol.channel import GatewayChannel
from opaska_protocol.errors import ProtocolError

from .outbox import URGENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .identity import Identity
    from .outbox import Outbox

_LATEST = const(8)  # as many as decisions/help.py follows; the older ones are sent all the same
_LOOKED_AT = const(32)  # reports; opening one takes an ESP32 some 20 ms


def waiting_alarms(outbox: "Outbox", identity: "Identity", boot: int) -> "list[tuple[int, int]]":
    """(boot, seq) of the latest alarms that were made before this boot and have no answer."""
    earlier = [key for key in outbox.urgent if key[0] != boot]
    opener = GatewayChannel(identity.kid, identity.generation, identity.key, bytes(8))
    found: "list[tuple[int, int]]" = []
    for key in reversed(earlier[-_LOOKED_AT:]):
        if len(found) < _LATEST and _is_alarm(outbox.read(URGENT, *key), opener):
            found.insert(0, key)
    return found


def _is_alarm(sealed: "bytes | None", opener: GatewayChannel) -> bool:
    """What cannot be opened counts as one; what an earlier key has sealed was another wearer's."""
    if sealed is None:
        return False
    try:
        header, ciphertext = frame.parse_up(sealed)
        if header.generation != opener.generation:
            return False
        return reports.rings(reports.decode_report(opener.open(header, ciphertext)).type)
    except ProtocolError:
        return True
