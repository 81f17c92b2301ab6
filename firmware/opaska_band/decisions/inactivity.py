# SPDX-License-Identifier: Apache-2.0
# Nobody moves, though the band is worn and it is day: once, until somebody has moved again.
#
# Only the wearer's awake hours count, so that a long night is no reason for an alarm at breakfast.
# A band that is not worn, and any movement, begin anew.


class Inactivity:
    """Tell it often what is; times in ms."""

    def __init__(self) -> None:
        self._still_ms = 0  # of awake hours
        self._is_told = False

    def look(self, took_ms: int, is_moved: bool, is_awake: bool, limit_ms: int) -> bool:
        """Whether to raise the alarm now. `is_moved`: since the last look, which was `took_ms`
        ago, or not worn; `limit_ms`: 0 = never."""
        if is_moved:
            self._still_ms = 0
            self._is_told = False
            return False
        if is_awake:
            self._still_ms += took_ms
        if self._is_told or not limit_ms or self._still_ms < limit_ms or not is_awake:
            return False
        self._is_told = True
        return True
