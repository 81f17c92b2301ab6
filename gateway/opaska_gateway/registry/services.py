# SPDX-License-Identifier: Apache-2.0
"""The services of an organisation by number: named, renamed, retired. Each name is a row that
nobody changes, so a visit of last year is called as it was then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select

from opaska_gateway.care.services import ENGLISH, NUMBERS, POLISH, UKRAINIAN, Catalogue, Name
from opaska_gateway.database.by_hand_tables import service_name
from opaska_gateway.database.tables import organisation
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry.organisations import named_or_first

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow, Change

LONGEST: Final = 60  # characters: a cell of a list
_COLUMNS: Final = {POLISH: "polish", ENGLISH: "english", UKRAINIAN: "ukrainian"}


async def add(
    change: Change, number: int, words: Mapping[str, str | None], owner: str | None = None
) -> None:
    """Name a number that has no name."""
    owner_id = await named_or_first(change, owner)
    now = await _named(change, owner_id, _checked_number(number))
    if now is not None:
        raise Refused(
            f"service {number} is {now.in_language(POLISH)} already; for another name from now "
            f"on: opaska services rename {number}"
        )
    await _say(change, owner_id, number, _checked(words), "service_added", None, None)


async def rename(
    change: Change,
    number: int,
    words: Mapping[str, str | None],
    why: str,
    owner: str | None = None,
) -> None:
    """Call it otherwise from now on; what was done before keeps its name."""
    owner_id = await named_or_first(change, owner)
    was = await _known(change, owner_id, number)
    await _say(change, owner_id, number, _checked(words), "service_renamed", was, why)


async def retire(change: Change, number: int, why: str, owner: str | None = None) -> None:
    """From now on there is none of this number."""
    owner_id = await named_or_first(change, owner)
    was = await _known(change, owner_id, number)
    await _say(change, owner_id, number, {}, "service_retired", was, why)


async def list_all(connection: AsyncConnection) -> list[dict[str, Any]]:
    """Those in use, by organisation and number."""
    query = select(organisation.c.id, organisation.c.name)
    owners = {row.id: row.name for row in await connection.execute(query)}
    return [
        {
            "service": name.service,
            **{column: name.words.get(language) for language, column in _COLUMNS.items()},
            "since_ms": name.said_ms,
            "organisation": owners[name.organisation_id],
        }
        for name in (await catalogue(connection)).now()
    ]


async def catalogue(connection: AsyncConnection) -> Catalogue:
    """All names there ever were."""
    rows = await connection.execute(select(service_name).order_by(service_name.c.id))
    return Catalogue(map(_name, rows))


async def check(connection: AsyncConnection, organisation_id: bytes, number: int) -> int:
    """A number that this organisation has named; any, as long as it has named none."""
    named = [one.service for one in (await catalogue(connection)).now(organisation_id)]
    if _checked_number(number) not in named and named:
        raise Refused(
            f"service {number} has no name; see `opaska services list`, or name it: "
            f"opaska services add {number} --pl ..."
        )
    return number


async def _named(change: Change, owner_id: bytes, number: int) -> Name | None:
    names = (await catalogue(change.connection)).now(owner_id)
    return next((one for one in names if one.service == number), None)


async def _known(change: Change, owner_id: bytes, number: int) -> Name:
    was = await _named(change, owner_id, number)
    if was is None:
        raise NotFound(f"there is no service {number}; see `opaska services list`")
    return was


async def _say(
    change: Change,
    owner_id: bytes,
    number: int,
    words: dict[str, str],
    what: str,
    was: Name | None,
    why: str | None,
) -> None:
    texts = {column: words.get(language) for language, column in _COLUMNS.items()}
    said = {"said_by": change.who, "said_ms": change.at_ms, **texts}
    await change.connection.execute(
        insert(service_name).values(organisation_id=owner_id, service=number, **said)
    )
    from_value = was.in_language(POLISH) if was else None
    to_value = words.get(POLISH)
    subject = f"service:{number}"
    await change.note(what, subject, owner_id, from_value=from_value, to_value=to_value, why=why)


def _checked_number(number: int) -> int:
    if number not in NUMBERS:
        raise Refused(f"service {number} is out of range; write a number of 1 to 99")
    return number


def _checked(words: Mapping[str, str | None]) -> dict[str, str]:
    """Without what nobody has said."""
    said = {language: text.strip() for language, text in words.items() if text is not None}
    for text in said.values():
        if not 0 < len(text) <= LONGEST or not text.isprintable():
            raise Refused(f"{text!r} is no name of a service; write 1 to {LONGEST} characters")
    if POLISH not in said:
        raise Refused("a service needs its Polish name; write --pl ...")
    return said


def _name(row: AnyRow) -> Name:
    words = {language: getattr(row, column) for language, column in _COLUMNS.items()}
    said = {language: text for language, text in words.items() if text is not None}
    return Name(row.organisation_id, row.service, said, row.said_ms)
