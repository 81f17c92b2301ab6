# SPDX-License-Identifier: Apache-2.0
"""senses/nmea.py: fixes from whole sentences and never from garbage, as gpsd reads them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import datetime
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opaska_band.senses.nmea import Fix, Nmea
from tests.on_micropython import nmea_fuzz
from tests.support.requirements import program

ROOT = Path(__file__).parents[2]
LOGS = ROOT.parent / "shared" / "data" / "gnss"
PLAYER = ROOT / "tests" / "on_micropython" / "nmea_play.py"
FUZZ = PLAYER.with_name("nmea_fuzz.py")
TALKS, SEED = 4_000, 0x5EED  # of about four sentences
MORE_EXACT_DEG = 1e-7  # what gpsd prints behind our last digit, and the rounding

RMC = "GPRMC,120000.00,A,5213.4560,N,02100.7380,E,0.1,0.0,220326,,,A"
GGA = "GPGGA,120000.00,5213.4560,N,02100.7380,E,1,07,1.2,100.0,M,34.0,M,,"
WARSAW = (522242667, 210123000)

needs_logs = pytest.mark.skipif(not LOGS.is_dir(), reason="the logs are not here: ../shared/data")


def sentence(body: str) -> bytes:
    checksum = reduce(lambda found, byte: found ^ byte, body.encode("latin-1"), 0)
    return b"$%s*%02X\r\n" % (body.encode("latin-1"), checksum)


def fixes(*bodies: str) -> list[Fix]:
    found: list[Fix] = Nmea().feed(b"".join(map(sentence, bodies)))
    return found


def place(fix: Fix) -> tuple[int | None, int | None]:
    return fix.lat_e7, fix.lon_e7


@pytest.mark.parametrize("bodies", [(RMC, GGA), (GGA, RMC)])
def test_both_sentences_of_one_time_make_one_fix_in_either_order(bodies: tuple[str, str]) -> None:
    (fix,) = fixes(*bodies)
    assert place(fix) == WARSAW
    assert (fix.date, fix.day_ms) == ((2026, 3, 22), 43_200_000)
    assert (fix.satellites, fix.hdop_tenths) == (7, 12)


@pytest.mark.parametrize("body", [RMC, GGA])
def test_a_receiver_that_sends_only_one_kind_has_its_fixes_too(body: str) -> None:
    later = body.replace("120000", "120001")
    assert [place(fix) for fix in fixes(body, body, later)] == [WARSAW]


@pytest.mark.parametrize(
    "bodies",
    [
        (RMC.replace(",A,52", ",V,52"), GGA),
        (RMC, GGA.replace("E,1,07", "E,0,07")),
        (RMC[:-1] + "E", GGA),
        (RMC[:-1] + "S", GGA),
        (RMC[:-1] + "N", GGA),
        (RMC, GGA.replace("E,1,07", "E,6,07")),
        (RMC, GGA.replace("E,1,07", "E,8,07")),
    ],
    ids=["void", "no fix", "estimated", "simulated", "not valid", "dead reckoning", "simulator"],
)
def test_a_position_that_was_not_measured_is_none(bodies: tuple[str, str]) -> None:
    later = [body.replace("120000", "120001") for body in bodies]
    assert fixes(*bodies, *later) == []
    assert fixes(*reversed(bodies), *later) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("5213.4560", "5263.4560"),
        ("5213.4560", "9113.4560"),
        ("5213.4560", "-213.4560"),
        ("5213.4560", "52134560_"),
        ("5213.4560", "52"),
        (",N,", ",Q,"),
        (",N,", ",,"),
        ("02100.7380", "18100.7380"),
        ("120000.00", "240000.00"),
        ("120000.00", "120060000"),
        ("120000.00", "12"),
    ],
)
def test_nonsense_behind_a_right_checksum_is_refused(old: str, new: str) -> None:
    nmea = Nmea()
    assert nmea.feed(sentence(RMC.replace(old, new)) + sentence(GGA.replace(old, new))) == []
    assert nmea.refused == 2
    both = RMC.replace("120000", "130000"), GGA.replace("120000", "130000")
    assert [place(fix) for fix in nmea.feed(b"".join(map(sentence, both)))] == [WARSAW]


@pytest.mark.parametrize("satellites", ["-1", "1_0", "N", " 7"])
def test_a_sentence_that_is_refused_at_its_end_leaves_no_place(satellites: str) -> None:
    bad = GGA.replace(",07,", f",{satellites},")
    later = RMC.replace("120000", "120001"), GGA.replace("120000", "120001")
    assert [fix.day_ms for fix in fixes(bad, *later)] == [43_201_000]


@pytest.mark.parametrize("date", ["220306", "000326", "221326", "2203", "", "2203X6"])
def test_a_date_that_cannot_be_is_none_and_the_place_stays(date: str) -> None:
    (fix,) = fixes(RMC.replace("220326", date), GGA)
    assert fix.date is None
    assert place(fix) == WARSAW


def test_time_that_goes_back_is_told_as_it_comes() -> None:
    earlier = [body.replace("120000", "110000") for body in (RMC, GGA)]
    assert [fix.day_ms for fix in fixes(RMC, GGA, *earlier)] == [43_200_000, 39_600_000]


def test_south_and_west_are_negative() -> None:
    west = [body.replace(",N,", ",S,").replace(",E,", ",W,") for body in (RMC, GGA)]
    assert [place(fix) for fix in fixes(*west)] == [(-WARSAW[0], -WARSAW[1])]


@given(noise=st.binary(max_size=400), pieces=st.integers(1, 50))
def test_no_noise_hides_the_next_whole_sentences(noise: bytes, pieces: int) -> None:
    nmea = Nmea()
    data = noise + b"\r\n" + sentence(RMC) + sentence(GGA)
    found = [
        fix for at in range(0, len(data), pieces) for fix in nmea.feed(data[at : at + pieces])
    ]
    assert place(found[-1]) == WARSAW


@pytest.mark.fuzz
def test_one_flipped_bit_in_each_sentence_never_moves_a_fix(effort: int) -> None:
    chance = random.Random(7)
    for _ in range(3_000 * effort):
        data = bytearray()
        for good in map(sentence, (RMC, GGA, RMC, GGA)):
            flipped = bytearray(good)
            flipped[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
            data += flipped
        assert all(place(fix) == WARSAW for fix in Nmea().feed(data))


@pytest.mark.fuzz
def test_bent_talk_is_a_place_on_earth_or_none_and_alike_on_micropython(effort: int) -> None:
    talks = TALKS * effort
    digest, found = nmea_fuzz.run(SEED, talks)
    assert found > talks // 20
    path = f"{ROOT}:{ROOT}/firmware:{ROOT}/shared_protocol:.frozen"
    run = [program("micropython"), "-X", "heapsize=256K", str(FUZZ), str(SEED), str(talks)]
    there = subprocess.run(
        run, check=True, capture_output=True, env=os.environ | {"MICROPYPATH": path}, timeout=1800
    ).stdout
    assert json.loads(there) == [digest, found]


@needs_logs
@pytest.mark.parametrize("log", sorted(LOGS.glob("*.log")), ids=lambda path: path.stem)
def test_every_fix_of_thirteen_receivers_is_where_gpsd_has_it(log: Path) -> None:
    theirs = _of_gpsd(log)
    nmea = Nmea()
    ours = [(fix.day_ms, *place(fix)) for fix in nmea.feed(log.read_bytes())]
    if not nmea.sentences:
        assert not ours, "u-blox's own binary form"
        return
    of_us_alone = [fix for fix in ours if not any(_near(fix, found) for found in theirs)]
    assert of_us_alone in ([], ours[:1], ours[-1:]), "gpsd's first has no time, its last no end"
    assert all(any(_near(fix, found) for fix in ours) for found in theirs)


Placed = tuple[int, float, float]  # time of day in ms, degrees


def _of_gpsd(log: Path) -> set[Placed]:
    """What gpsd has made of the log."""
    found: set[Placed] = set()
    for line in Path(f"{log}.chk").read_text(errors="replace").splitlines():
        told = json.loads(line) if line.startswith('{"class":"TPV"') else {}
        if told.get("mode", 0) >= 2 and "lat" in told and "time" in told:
            moment = datetime.fromisoformat(told["time"].replace("Z", "+00:00"))
            of_day = moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)
            found.add((round(of_day.total_seconds() * 1000), told["lat"], told["lon"]))
    return found


def _near(ours: tuple[int, int | None, int | None], theirs: Placed) -> bool:
    day_ms, lat_e7, lon_e7 = ours
    assert lat_e7 is not None
    assert lon_e7 is not None
    return (
        day_ms == theirs[0]
        and abs(lat_e7 / 1e7 - theirs[1]) <= MORE_EXACT_DEG
        and abs(lon_e7 / 1e7 - theirs[2]) <= MORE_EXACT_DEG
    )


def test_micropython_reads_the_same(tmp_path: Path) -> None:
    chance = random.Random(11)
    noisy = bytearray(b"".join(map(sentence, (RMC, GGA, RMC.replace("A,52", "V,52")))) * 200)
    for at in range(1000, len(noisy), 97):
        noisy[at] = chance.randrange(256)
    made_up = tmp_path / "noisy"
    made_up.write_bytes(noisy)
    files = [str(made_up), *map(str, sorted(LOGS.glob("*.log")))]
    here = _played(sys.executable, files)
    assert here.count("\n") > 3
    assert _played(program("micropython"), files) == here


def _played(interpreter: str, files: list[str]) -> str:
    paths = {"MICROPYPATH": f"{ROOT}/firmware:.frozen", "PYTHONPATH": str(ROOT / "firmware")}
    run = [interpreter, str(PLAYER), *files]
    return subprocess.run(
        run, check=True, capture_output=True, text=True, timeout=120, env=os.environ | paths
    ).stdout
