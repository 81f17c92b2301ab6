# SPDX-License-Identifier: Apache-2.0
"""Simulated bands: the real firmware on the simulated board, its radio path and its time."""
