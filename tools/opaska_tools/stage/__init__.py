# SPDX-License-Identifier: Apache-2.0
"""Where demo, benchmarks and journey tests play: real processes, always cleaned up."""
