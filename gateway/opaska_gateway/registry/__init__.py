# SPDX-License-Identifier: Apache-2.0
"""Who is who: organisations, bands, people, places, and which band is on whose wrist."""
