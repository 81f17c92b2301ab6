# SPDX-License-Identifier: Apache-2.0
"""The ways out of the band, and the sender that never gives an urgent report up."""
