# SPDX-License-Identifier: Apache-2.0
"""When a report without a STORED is sent again, as data. Pure: no clock, no I/O."""

from micropython import const

# Attempts at 0, 2, 5, 10, 20 and 40 s: three of them before anyone would press twice, all before
# the band says "not sent" at 60 s.
_FIRST_WAITS_MS = const((2_000, 3_000, 5_000, 10_000, 20_000))
_MINUTE_MS = const(60_000)  # then every minute for an hour: an outage of a cell or a lift
_MINUTES = const(60)
_FOR_EVER_MS = const(300_000)  # then every 5 minutes without end: no report is too old

# A link that brings no answers may be deaf: its broker alive and the gateway behind it not. Two
# other links are tried before the band says "not sent", and later one now and then.
_ELSEWHERE_AT = const((4, 5))
_ELSEWHERE_EVERY = const(10)

# Telemetry is sent once for each connection, and again when the broker had it but no STORED came.
TELEMETRY_ROUND_MS = 900_000


def try_elsewhere(attempt: int) -> bool:
    """Whether to try attempt number `attempt` on a new link if this one has brought nothing."""
    return attempt in _ELSEWHERE_AT or (attempt > 0 and attempt % _ELSEWHERE_EVERY == 0)


def urgent_wait_ms(attempt: int) -> int:
    """Milliseconds from attempt number `attempt` (the first is 0) to the next one."""
    if attempt < len(_FIRST_WAITS_MS):
        return _FIRST_WAITS_MS[attempt]
    if attempt < len(_FIRST_WAITS_MS) + _MINUTES:
        return _MINUTE_MS
    return _FOR_EVER_MS
