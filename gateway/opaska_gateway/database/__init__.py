# SPDX-License-Identifier: Apache-2.0
"""What the gateway remembers: tables, the engine, and every statement that touches a row."""
