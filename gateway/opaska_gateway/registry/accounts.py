# SPDX-License-Identifier: Apache-2.0
"""Account numbers at a monitoring centre (SIA DC-09)."""

from __future__ import annotations

import re

from opaska_gateway.errors import Refused


def checked_account(text: str | None) -> str | None:
    """3 to 16 hex digits, in capitals as receivers print them; None stays None."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9A-Fa-f]{3,16}", text):
        raise Refused(f"{text} is not an account; write 3 to 16 hex digits, for example 1409")
    return text.upper()
