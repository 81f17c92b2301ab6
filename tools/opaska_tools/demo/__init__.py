# SPDX-License-Identifier: Apache-2.0
"""`opaska demo`: the journey of a pressed button, on real processes, to be watched."""
