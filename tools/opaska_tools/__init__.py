# SPDX-License-Identifier: Apache-2.0
"""The `opaska` command: demo, benches, the simulated band and the bench tools."""

__version__ = "0.1.0"
