"""Recorded events: what was whole before a file's damage is given, wherever the damage lies."""

import gzip
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard

from exchange.binance.recorded_events import RecordedEvents
from exchange.event_columns import BIDS, LINE, WIDTH
from exchange.jit import IntArray
from exchange.recording.reader import Tear
from tests.exchange.test_frames import BTCUSDT
from tests.places import BASE

FLIPS = 40
MARK = "\ufeff".encode()


def rows_of(path: Path) -> tuple[IntArray, Tear | None]:
    """Every row of a file: int64[rows, WIDTH]."""
    events = RecordedEvents(path, BTCUSDT)
    none: IntArray = np.zeros((0, WIDTH), dtype=np.int64)
    rows = [stretch.rows.reshape(-1, WIDTH)[: stretch.count].copy() for stretch in events]
    return np.concatenate([none, *rows]), events.recording.tear


def gunzipped(packed: bytes) -> bytes:
    """What the start of a gzip member holds."""
    return zlib.decompressobj(wbits=31).decompress(packed)


def zstd(text: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(text)


def unzstd(packed: bytes) -> bytes:
    """What the start of a zstd frame holds."""
    return zstandard.ZstdDecompressor().decompressobj().decompress(packed)


@pytest.mark.parametrize("seed", range(FLIPS))
@pytest.mark.parametrize(
    ("pack", "unpack"), [(gzip.compress, gunzipped), (zstd, unzstd)], ids=["gzip", "zstd"]
)
def test_a_flipped_bit_is_a_tear_and_all_before_it_is_given(
    tmp_path: Path, pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes], seed: int
) -> None:
    """Until its damage is seen, packed data unpacks to nonsense, which is no fault of a line."""
    chance = random.Random(seed)
    whole = pack(gzip.decompress(BASE.read_bytes()))
    at = chance.randrange(20, len(whole) - 4)
    flipped = bytearray(whole)
    flipped[at] ^= 1 << chance.randrange(8)
    path = tmp_path / "flipped"
    path.write_bytes(flipped)

    rows, tear = rows_of(path)

    before = unpack(whole[:at]).count(b"\n")
    assert np.array_equal(rows[:before], rows_of(BASE)[0][:before])
    assert tear is not None
    assert tear.line_number > before
    assert "damaged" in tear.text or "early" in tear.text


@pytest.mark.parametrize(
    "blank", [b"", b"\r", b" \t", b"\x0b", b"\x0c \x0b", MARK, MARK + b"\r", MARK + b" \x0c"]
)
def test_a_line_that_says_nothing_is_passed_over(tmp_path: Path, blank: bytes) -> None:
    path = tmp_path / "dressed.dat"
    lines = gzip.decompress(BASE.read_bytes()).splitlines(keepends=True)[:20]
    path.write_bytes(blank + b"\n" + MARK + b"".join(lines) + blank + b"\n" + lines[-1] + blank)

    rows, tear = rows_of(path)

    assert rows[:, LINE].tolist() == [*range(2, 22), 23]
    assert tear is None


def test_levels_of_a_line_that_is_read_twice_count_once(tmp_path: Path) -> None:
    """The scanner leaves to the twin what ends in white space that it does not know."""
    levels = b",".join([b'["1","0"]'] * 3000)
    diff = b'{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":%d,"u":%d,"pu":%d,"b":[%b],"a":[]}'
    path = tmp_path / "spaced.dat"
    path.write_bytes(
        b"".join(b"1723161255000 %b\x0b\n" % (diff % (n, n, n - 1, levels)) for n in range(1, 40))
    )

    rows, tear = rows_of(path)

    assert (rows[:, BIDS].tolist(), tear) == ([3000] * 39, None)
