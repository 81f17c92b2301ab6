# SPDX-License-Identifier: Apache-2.0
"""One recording through a whole simulated band, in virtual time: chip, driver, sense, decision,
reports, and the real gateway. What happened is a list of lines with the time in the recording.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from opaska_gateway import settings_file
from opaska_gateway.bodies import Bodies
from opaska_gateway.care.alarm_kinds import fault_word
from opaska_gateway.care.fall import BY_GATEWAY, alarm_word, cancel_word
from opaska_gateway.database.tables import announced_fall, care_case, event
from opaska_gateway.registry import motion
from opaska_gateway.store import open_store
from opaska_protocol import reports
from opaska_tools.falls.recordings import INDEX, BadFolder, Recording, read_index
from opaska_tools.simulator.clock import VIRTUAL_EPOCH_S
from opaska_tools.stage.virtual_scene import virtual_scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from opaska_gateway.settings import Settings
    from opaska_gateway.store import Store
    from opaska_tools.simulator.records import Note

BEFORE_S = 15.0  # at rest: the band starts, connects and is at ease
AFTER_S = 90.0  # countdown, watch after a cancel, evidence
_EXAMPLES = 3  # names in an error
_PART = ""  # of motion: too many for a line each


@dataclass
class Played:
    """What happened, in order; times in s since the recording's first sample."""

    recording: Recording
    lines: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    announced: int = 0
    raised: int = 0

    @property
    def is_right(self) -> bool:
        """Whether the band did what the label asks."""
        return bool(self.announced) == self.recording.is_fall

    def verdict(self) -> str:
        """In one line."""
        label = "a fall" if self.recording.is_fall else "daily life"
        told = f"announced {self.announced}, raised {self.raised}"
        return f"{self.recording.name}: labelled {label}; {told}"


def choose(place: Path, name: str) -> Recording:
    """The recording of this name in a folder (or its index); BadFolder says how to name it."""
    folder = place.parent if place.name == INDEX else place
    recordings = read_index(folder)
    found = [one for one in recordings if name in _names(one)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(one.name for one in found[:_EXAMPLES])
        raise BadFolder(f"{folder}: {name} names {len(found)} recordings; write {names}, ...")
    likely = [one.name for one in recordings if name.lower() in one.name.lower()]
    names = ", ".join((likely or [one.name for one in recordings])[:_EXAMPLES])
    raise BadFolder(f"{folder}: no recording {name}; there is {names}, ...")


async def replay(recording: Recording) -> Played:
    """Let a wearer go through it."""
    recording.read()  # a broken file is told before anything starts
    played = Played(recording)
    with TemporaryDirectory(prefix="opaska-replay-") as folder:
        async with virtual_scene(Path(folder)) as scene:
            await scene.clock.run_for(BEFORE_S * 1000)
            begin_ms = await scene.band.wear(recording)
            length_s = recording.count / recording.rate_hz
            await scene.clock.run_for((length_s + AFTER_S) * 1000)
            notes = [note for note in scene.band.notes if note.t_ms >= begin_ms]
        settings = settings_file.load(scene.gateway.config_file)
        lines = [*_of_recording(recording), *_felt(notes, begin_ms)]
        lines += await _of_gateway(settings, begin_ms, played)
    played.lines = sorted(lines, key=lambda line: line[0])
    return played


def _names(recording: Recording) -> tuple[str, str, str]:
    of_subject = f"{recording.subject}/{recording.rec}"
    return recording.rec, of_subject, recording.name


def _of_recording(recording: Recording) -> list[tuple[float, str]]:
    lines = [(0.0, "wearer    the recording begins")]
    if recording.peak_s is not None:
        lines.append((recording.peak_s, "wearer    the strongest sample"))
    end_s = recording.count / recording.rate_hz
    return [*lines, (end_s, "wearer    the recording ends; from now on the arm stays as it is")]


def _felt(notes: list[Note], begin_ms: float) -> list[tuple[float, str]]:
    """Patterns on the wrist, the first of equal ones."""
    lines: list[tuple[float, str]] = []
    before = ""
    for note in notes:
        if note.name != before:
            lines.append(((note.t_ms - begin_ms) / 1000, f"wrist     {note.name}"))
        before = note.name
    return lines


async def _of_gateway(
    settings: Settings, begin_ms: float, played: Played
) -> list[tuple[float, str]]:
    """What the gateway has stored since then."""
    async with open_store(settings.storage) as store, store.database.read() as connection:
        at_ms = VIRTUAL_EPOCH_S * 1000 + begin_ms
        lines = await connection.run_sync(_stored, store, played)
        for case in (await connection.execute(select(care_case))).all():
            lines.append((case.opened_ms, "case opened"))
            for fall in await motion.of_case(connection, store.vault, case.id):
                shown = fall.shown()
                missing = f", missing {shown['missing']}" if shown["missing"] else ""
                lines.append((_last_motion_ms(lines), f"motion: {shown['motion']}{missing}"))
    heard = [(ms, words) for ms, words in lines if words != _PART and ms >= at_ms]
    return [((ms - at_ms) / 1000, f"gateway   {words}") for ms, words in heard]


def _stored(connection: Connection, store: Store, played: Played) -> list[tuple[int, str]]:
    bodies = Bodies(store.vault)
    lines: list[tuple[int, str]] = []
    for row in connection.execute(select(event).where(event.c.kind == "report")).all():
        id_ = (row.device_id, row.generation, row.boot, row.seq)
        body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
        told = _TOLD.get(row.report_type)
        if body and told:
            lines.append((row.received_ms, told(reports.decode_report(body).fields)))
    for fall in connection.execute(select(announced_fall)).all():
        played.announced += 1
        played.raised += fall.state == "raised"
        if fall.settled_by == BY_GATEWAY:
            lines.append((fall.settled_ms, "nothing came by the deadline: raised by the gateway"))
    return lines


def _last_motion_ms(lines: list[tuple[int, str]]) -> int:
    """When the last part came; of none, the end."""
    times_ms = [ms for ms, words in lines if words == _PART]
    return max(times_ms or [ms for ms, _ in lines])


def _announced(fields: dict[str, Any]) -> str:
    sure = f"{fields.get('score_percent', 0)} % sure"
    peak = f"{fields.get('peak_mg', 0) / 1000:.1f} g"
    return f"a fall is announced: {peak}, {sure}, deadline in {fields.get('deadline_s')} s"


def _alarm(fields: dict[str, Any]) -> str:
    word = alarm_word(fields.get("kind"), fields.get("why")).replace("_", " ")
    still = ", and nobody has moved since" if fields.get("still") else ""
    return f"alarm: {word}{still}"


_TOLD: dict[int, Callable[[dict[str, Any]], str]] = {
    reports.ANNOUNCED_FALL: _announced,
    reports.ALARM: _alarm,
    reports.FALL_CANCELLED: lambda fields: (
        f"the fall is cancelled: {cancel_word(fields.get('reason')).replace('_', ' ')}"
    ),
    reports.FAULT: lambda fields: (
        f"fault: {fault_word(fields.get('code'))} {fields.get('detail', '')}"
    ),
    reports.MOTION: lambda _: _PART,
}
