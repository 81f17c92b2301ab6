# SPDX-License-Identifier: Apache-2.0
"""Vitals: recorded light through the band's own sense of the pulse."""

import sys
from pathlib import Path

# The band's code is not installed, since it runs on the band; here its own files are used.
sys.path.append(str(Path(__file__).resolve().parents[3] / "firmware"))
