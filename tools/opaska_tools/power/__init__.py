# SPDX-License-Identifier: Apache-2.0
"""How long the cell lasts: currents of the parts, times of a simulated day."""
