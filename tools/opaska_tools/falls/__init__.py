# SPDX-License-Identifier: Apache-2.0
"""Falls: recordings through the band's own detector, and the making of what it has learned."""
