# SPDX-License-Identifier: Apache-2.0
"""Why bytes were refused.

ProtocolError
 +- CborError    not in our deterministic CBOR subset
 +- FrameError   valid CBOR, but not a frame
 +- SealError    a frame that this key does not open
 +- BodyError    an opened body that is not a report, answer or order
 +- MotionError  a part of motion that nobody packed

Every error carries `reason`, a key of reasons.py: short, stable, fit for a counter's label.
"""


class ProtocolError(Exception):
    """Refused bytes; `reason` is a key of reasons.REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CborError(ProtocolError):
    pass


class FrameError(ProtocolError):
    pass


class SealError(ProtocolError):
    pass


class BodyError(ProtocolError):
    """`field` names what is wrong in settings or zones, "" where nobody asks."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


class MotionError(ProtocolError):
    pass
