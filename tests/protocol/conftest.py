# SPDX-License-Identifier: Apache-2.0
"""Properties are judged by what they find, not by how long a busy machine took."""

from hypothesis import HealthCheck, settings

settings.register_profile("protocol", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("protocol")
