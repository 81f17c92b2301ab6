# SPDX-License-Identifier: Apache-2.0
"""Duties that the clock drives."""
