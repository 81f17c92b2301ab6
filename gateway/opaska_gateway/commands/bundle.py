# SPDX-License-Identifier: Apache-2.0
"""Where secrets go that leave the gateway once: stdout, or a new file for its owner alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

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
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise Refused(f"{out}: {reason}; write the path of a new file") from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            yield lambda text: typer.echo(text, file)
    finally:
        if out.stat().st_size == 0:  # nothing was made
            out.unlink()
