# SPDX-License-Identifier: Apache-2.0
"""Where secrets go that leave the gateway: stdout, or a new file for its owner alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from opaska_gateway.errors import Refused

OutOption = Annotated[
    Path | None, typer.Option(help="Write the bundle to this new file, mode 0600.")
]


@contextmanager
def bundle_receiver(out: Path | None) -> Generator[Callable[[str], None]]:
    """Stdout, or a new file that is open before anything is made."""
    if out is None:
        yield typer.echo
        return
    with new_file(out) as file:
        yield lambda text: typer.echo(text, file)


@contextmanager
def new_file(out: Path) -> Generator[TextIO]:
    """A new file for its owner alone; it goes again if nothing was written."""
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise Refused(f"{out}: {reason}; write the path of a new file") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    finally:
        if out.stat().st_size == 0:
            out.unlink()
