# SPDX-License-Identifier: Apache-2.0
"""Falls: recordings through the band's own detector, and the making of what it has learned."""

import sys
from pathlib import Path

# The band's code is not installed, since it runs on the band; here its own files are used.
sys.path.append(str(Path(__file__).resolve().parents[3] / "firmware"))
