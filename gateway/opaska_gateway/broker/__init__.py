# SPDX-License-Identifier: Apache-2.0
"""The MQTT broker between bands and gateway: a small embedded one, or Mosquitto's files."""
