# SPDX-License-Identifier: Apache-2.0
"""Receiver profiles: which code a receiver wants for which kind. The tables are profiles.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

ContactId = Annotated[str, Field(pattern=r"^\d{3}$")]
MAX_CODES = 4  # of one kind
SiaPair = Annotated[str, Field(pattern=r"^[A-Z]{2}(/[A-Z]{2})?$")]

# what a table without the first word says instead
WIDER = {"fall_no_movement": "fall", "strap_cut": "strap"}

_BUILT_IN = Path(__file__).with_name("profiles.toml")
_NEEDED = ("sos", "other", "periodic_test")


class Codes(BaseModel):
    """The codes of one kind: the first is sent, the next ones only after a DUH."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact_id: Annotated[tuple[ContactId, ...], Field(min_length=1, max_length=MAX_CODES)]
    sia: Annotated[tuple[SiaPair, ...], Field(min_length=1, max_length=MAX_CODES)]
    zone: int = Field(ge=0, le=999)

    @property
    def alarm(self) -> bool:
        """Whether somebody needs help: Contact ID keeps its first hundred for alarms."""
        return self.contact_id[0].startswith("1")

    def sia_codes(self, *, restore: bool) -> tuple[str, ...]:
        """The SIA codes for a new event, or for its end as far as there are any."""
        if restore:
            return tuple(pair.split("/")[1] for pair in self.sia if "/" in pair)
        return tuple(pair.split("/")[0] for pair in self.sia)


Profile = dict[str, Codes]  # kind -> its codes
_PROFILES = TypeAdapter(dict[str, Profile])


class ProfileError(ValueError):
    """A table that cannot be used; the text says what to write instead."""


@cache
def load_profiles(extra: Path | None = None) -> dict[str, Profile]:
    """The built-in profiles, and on top of them those of the operator's own file."""
    profiles = _read(_BUILT_IN)
    return profiles if extra is None else profiles | _read(extra)


def codes_of(profile: Profile, kind: str) -> Codes:
    """The row for a kind, or for its wider one; what has neither rings as "other"."""
    return own_codes_of(profile, kind) or profile["other"]


def own_codes_of(profile: Profile, kind: str) -> Codes | None:
    """The row for a kind, or for its wider one."""
    return profile.get(kind) or profile.get(WIDER.get(kind, ""))


def _read(path: Path) -> dict[str, Profile]:
    try:
        profiles = _PROFILES.validate_python(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path} cannot be read ({error}); name a readable file") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ProfileError(
            f"{path}: {place}: {first['msg']}; write rows as in the built-in table, "
            'sos = { contact_id = ["101"], sia = ["QA/QH"], zone = 1 }'
        ) from error
    for name, profile in profiles.items():
        missing = [kind for kind in _NEEDED if kind not in profile]
        if missing:
            raise ProfileError(f"{path}: profile {name} needs a row for {', '.join(missing)}")
    return profiles
