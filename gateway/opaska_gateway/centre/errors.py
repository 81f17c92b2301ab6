# SPDX-License-Identifier: Apache-2.0
"""What can go wrong on the way to a monitoring centre.

CentreError
├── SignalError   we did wrong: this signal cannot be written as a frame
├── FrameError    they did wrong: these bytes are not a frame we can use; it has a `reason`
├── PathError     nobody did: no connection, or it ended too early
└── BusyError     nobody did: every line to the receiver was in use
"""

from __future__ import annotations

FRAME_REASONS = {
    "too_long": "it is longer than a DC-09 frame can be",
    "bad_envelope": "it is not a DC-09 frame",
    "bad_length": "its length field is wrong",
    "bad_crc": "its checksum is wrong",
    "bad_header": "its header cannot be read",
    "bad_cipher": "its encrypted part is not whole AES blocks in hex digits",
    "no_key": "it is encrypted, but no key is set for this receiver: set key or key_file",
    "wrong_key": "it does not decrypt: compare the key with the receiver's",
    "bad_content": "its content cannot be read",
    "bad_time": "its time is not a date and time",
    "no_time": "it is encrypted but carries no time",
}  # a closed set: short and stable, fit for a counter's label


class CentreError(Exception):
    """The way to a monitoring centre failed; the text is a sentence for the operator."""


class SignalError(CentreError):
    """A signal that no frame can carry."""


class FrameError(CentreError):
    """Bytes that are not a usable frame."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(FRAME_REASONS[reason])


class PathError(CentreError):
    """No connection, or it ended before the answer was complete."""


class BusyError(CentreError):
    """No line to the receiver became free in time. It says nothing about the receiver."""
