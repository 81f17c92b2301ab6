# SPDX-License-Identifier: Apache-2.0
"""Facts about a person, sealed under that person's key: names, notes, addresses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from opaska_gateway.errors import Refused
from opaska_gateway.vault import (
    VaultError,
    open_personal,
    person_key_purpose,
    personal_context,
    seal_personal,
)

if TYPE_CHECKING:
    from opaska_gateway.registry.change import AnyRow
    from opaska_gateway.vault import Vault


# The key file does not open this row: put it back from your copy.
UNREADABLE: Final = "unreadable"


def key_of(vault: Vault, person: AnyRow, person_id: bytes | None = None) -> bytes:
    """The person's key, from a row with it; refused when it was destroyed."""
    id_: bytes = person_id or person.id
    if person.wrapped_key is None:
        raise Refused(f"person {id_.hex()[:8]} was erased; nothing about them can be read")
    return vault.unwrap(person_key_purpose(id_), person.wrapped_key)


def seal_facts(key: bytes, column: str, row_id: bytes, facts: dict[str, str]) -> bytes:
    """Seal facts for one column of one row."""
    return seal_personal(key, personal_context(column, row_id), json.dumps(facts).encode())


def open_facts(key: bytes, column: str, row_id: bytes, sealed: bytes | None) -> dict[str, str]:
    """The facts again; none where nothing was sealed."""
    if sealed is None:
        return {}
    facts: dict[str, str] = json.loads(
        open_personal(key, personal_context(column, row_id), sealed)
    )
    return facts


def listed_facts(
    vault: Vault,
    person: AnyRow,
    person_id: bytes,
    column: str,
    row_id: bytes,
    sealed: bytes | None,
) -> dict[str, str]:
    """For a line of a list: none of an erased person, and a broken row hides no other."""
    if person.wrapped_key is None:
        return {}
    try:
        return open_facts(key_of(vault, person, person_id), column, row_id, sealed)
    except VaultError:
        return {"name": UNREADABLE}
