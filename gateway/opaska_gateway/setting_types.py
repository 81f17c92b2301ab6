# SPDX-License-Identifier: Apache-2.0
"""What all settings are made of: strict tables, and paths that lie beside the settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo


class Section(BaseModel):
    """One table of the file: frozen, strict about types, and no key that we do not know."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        validate_default=True,  # so that a default path, too, is taken from the file's folder,
        revalidate_instances="always",  # in a table that the file leaves out as well
    )


def _beside_the_file(path: Path, info: ValidationInfo) -> Path:
    context: dict[str, Path] = info.context or {}
    return context.get("folder", Path()) / path.expanduser()


def _is_file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}; write the path of one")
    return path


# Relative to the folder of the settings file. Not strict: TOML has only texts for paths.
LocalPath = Annotated[Path, Field(strict=False), AfterValidator(_beside_the_file)]
LocalFile = Annotated[LocalPath, AfterValidator(_is_file)]
