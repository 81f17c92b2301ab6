# SPDX-License-Identifier: Apache-2.0
"""The ways in: bytes, way and time; nothing is decided here."""
