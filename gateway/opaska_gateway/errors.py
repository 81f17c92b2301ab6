# SPDX-License-Identifier: Apache-2.0
"""The errors an operator reads. Each carries one sentence that says what to do.

GatewayError
├── ConfigurationError   the settings or a file they name; the command ends with exit code 2
├── BrokerError          the broker cannot be started or reached
└── RegistryError        a band, person or case cannot be changed as asked
    ├── NotFound         there is no such row
    └── Refused          there is, but the rules forbid the change
"""

from __future__ import annotations


class GatewayError(Exception):
    """Something the operator can put right; its text says how."""


class ConfigurationError(GatewayError):
    """Settings that cannot be used: one line each, `file: key: what is wrong; what to do`."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class BrokerError(GatewayError):
    """The broker cannot be started or reached."""


class RegistryError(GatewayError):
    """A band, person or case cannot be changed as asked."""


class NotFound(RegistryError):
    """There is no such band, person or case."""


class Refused(RegistryError):
    """The change is against the rules; the text says which."""
