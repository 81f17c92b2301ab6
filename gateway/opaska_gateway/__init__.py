# SPDX-License-Identifier: Apache-2.0
"""The gateway: takes sealed reports from bands, keeps them, and sees that a human answers."""
