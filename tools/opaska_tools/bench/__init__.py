# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: `opaska bench ...`, JSON out. Ratios count within one run on one machine."""
