# SPDX-License-Identifier: Apache-2.0
"""Whether the gateway is well: what it tells of itself, what its database shows, what to do."""
