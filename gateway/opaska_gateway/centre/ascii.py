# SPDX-License-Identifier: Apache-2.0
"""Polish and other text as ASCII, since receivers disagree about every other character set."""

from __future__ import annotations

import re
import unicodedata

# Letters and signs that do not fall apart into an ASCII letter and an accent.
_SIGNS = {
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ø": "o", "Ø": "O",
    "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ß": "ss", "ẞ": "SS", "þ": "th", "Þ": "Th",
    "ı": "i", "ħ": "h", "Ħ": "H", "–": "-", "—": "-", "−": "-", "‘": "'", "’": "'", "‚": "'",
    "“": "'", "”": "'", "„": "'", "«": "'", "»": "'", "…": "...", "€": "EUR", "°": "deg",
    "×": "x", "·": ".", "•": "-",
    # These would end or divide a field of a frame.
    "[": "(", "]": ")", "|": "/", '"': "'",
}  # fmt: skip

# Ukrainian and Russian, after the Ukrainian rules of 2010 (letters at the start of a word alike).
_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "h", "ґ": "g", "д": "d", "е": "e", "є": "ie", "ж": "zh",
    "з": "z", "и": "y", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n",
    "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts",
    "ч": "ch", "ш": "sh", "щ": "shch", "ь": "", "ю": "iu", "я": "ia", "ё": "io", "ы": "y",
    "э": "e", "ъ": "",
}  # fmt: skip

_TABLE = str.maketrans(
    _SIGNS | _CYRILLIC | {big.upper(): small.capitalize() for big, small in _CYRILLIC.items()}
)
_UNPRINTABLE = re.compile(r"[^ -~]")


def fold(text: str, limit: int) -> str:
    """At most `limit` printable ASCII characters that read like the text; "?" for the unknown."""
    whole = unicodedata.normalize("NFC", text[: 4 * limit]).translate(_TABLE)
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", whole)
        if not unicodedata.combining(letter)
    )
    spaced = " ".join(bare.translate(_TABLE).split())
    return _UNPRINTABLE.sub("?", spaced)[:limit].rstrip()
