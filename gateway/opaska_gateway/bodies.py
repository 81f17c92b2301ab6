# SPDX-License-Identifier: Apache-2.0
"""How a report's body is kept: technical ones clear, all others under the wearer's own key.

Lives in the thread of the database: steps inside the transaction use it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Literal

from opaska_gateway.database.people import wrapped_key
from opaska_gateway.logs import get_logger
from opaska_gateway.vault import (
    VaultError,
    open_personal,
    person_key_purpose,
    personal_context,
    seal_personal,
)
from opaska_protocol.reports import BOOT, FAULT, HEARTBEAT, LINK_LOST, WEAR

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import MessageId
    from opaska_gateway.vault import Vault

Form = Literal["clear", "person", "vault"]
# clear   technical: about the band, and whether it is worn
# person  sealed under the wearer's key; erased with it
# vault   sealed under the key file, since nobody wore the band (or the wearer's key is broken)

TECHNICAL: Final = frozenset((BOOT, HEARTBEAT, FAULT, LINK_LOST, WEAR))
MAX_KEYS = 1_000  # 32 bytes each

log = get_logger()


class Bodies:
    """Seals and opens bodies; keeps the keys of the people who are heard from."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._keys: OrderedDict[bytes, bytes | None] = OrderedDict()

    def sealed(
        self,
        connection: Connection,
        report_type: int,
        person_id: bytes | None,
        id_: MessageId,
        body: bytes,
    ) -> tuple[Form, bytes | None]:
        """The form and bytes to keep; of an erased person nothing is kept."""
        if report_type in TECHNICAL:
            return "clear", body
        context = personal_context("event.body", _bytes(id_))
        if person_id is None:
            return "vault", self._vault.wrap(context, body)
        try:
            key = self._key(connection, person_id)
        except VaultError as error:  # an alarm must not be lost over a broken row
            log.error("person_key_unusable", person=person_id.hex(), problem=str(error))
            return "vault", self._vault.wrap(context, body)
        if key is None:
            return "clear", None
        return "person", seal_personal(key, context, body)

    def opened(
        self,
        connection: Connection,
        form: str,
        person_id: bytes | None,
        id_: MessageId,
        kept: bytes | None,
    ) -> bytes | None:
        """The body again; None if nothing was kept or its person was erased."""
        if kept is None or form == "clear":
            return kept
        context = personal_context("event.body", _bytes(id_))
        if form == "vault" or person_id is None:
            return self._vault.unwrap(context, kept)
        key = self._key(connection, person_id)
        return None if key is None else open_personal(key, context, kept)

    def forget(self) -> None:
        """Somebody may have been erased: read keys again. Any thread may call this."""
        self._keys = OrderedDict()

    def _key(self, connection: Connection, person_id: bytes) -> bytes | None:
        keys = self._keys
        if person_id not in keys:
            wrapped = wrapped_key(connection, person_id)
            keys[person_id] = wrapped and self._vault.unwrap(
                person_key_purpose(person_id), wrapped
            )
            if len(keys) > MAX_KEYS:
                keys.popitem(last=False)
        return keys[person_id]


def _bytes(id_: MessageId) -> bytes:
    device_id, generation, boot, seq = id_
    return device_id + b"".join(number.to_bytes(4, "big") for number in (generation, boot, seq))
