"""Recordings are read to the last whole line, and say where they break."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from exchange.errors import RecordingGarbled
from exchange.recording.reader import Line, Recording, scan_latency
from tests.places import COINM, SPOT, THIN, USDM

NS = 1_723_161_255_030_314_667
LINES = b"".join(b'%d {"u":%d}\n' % (NS + i, i) for i in range(5000))


def unpacked(data: bytes) -> bytes:
    return data


def zstd_frames(data: bytes) -> bytes:
    """Many small frames, as a recorder that must survive a kill writes them."""
    pieces = [data[i : i + 10_000] for i in range(0, len(data), 10_000)]
    return b"".join(zstandard.compress(piece) for piece in pieces)


def gzip_members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:])


packings = pytest.mark.parametrize(
    "pack", [unpacked, gzip.compress, gzip_members, zstd_frames], ids=lambda pack: pack.__name__
)


def recording(folder: Path, data: bytes, name: str = "btcusdt_20240808.dat") -> Recording:
    path = folder / name
    path.write_bytes(data)
    return Recording(path)


@packings
def test_every_line_is_delivered(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Whatever the packing, told by the bytes and not by the name."""
    file = recording(tmp_path, pack(LINES))

    lines = list(file)

    assert lines[0] == Line(1, NS, b'{"u":0}')
    assert (len(lines), lines[-1].raw, file.tear) == (5000, b'{"u":4999}', None)
    assert file.consumed_bytes == file.total_bytes


@pytest.mark.parametrize("digits", [13, 16, 19])
def test_receive_time_is_nanoseconds_whatever_its_digits(tmp_path: Path, digits: int) -> None:
    """Collectors in the field write milliseconds, microseconds and nanoseconds."""
    stamp = str(NS)[:digits]

    (line,) = recording(tmp_path, f"{stamp} {{}}\n".encode())

    assert line.recv_ns == int(stamp.ljust(19, "0"))


def test_torn_last_line_is_a_tear_and_not_an_error(tmp_path: Path) -> None:
    """The recorder was killed in the middle of a line: the rest is good."""
    file = recording(tmp_path, LINES + b'1723161255030314667 {"u":50')

    delivered = len(list(file))

    assert delivered == 5000
    assert file.tear is not None
    assert file.tear.line_number == 5001
    assert "cut short" in file.tear.text


def test_whole_last_line_without_its_newline_is_delivered(tmp_path: Path) -> None:
    """Some collectors end the file that way."""
    file = recording(tmp_path, LINES.rstrip(b"\n"))

    assert len(list(file)) == 5000
    assert file.tear is None


@pytest.mark.parametrize("pack", [gzip.compress, zstd_frames], ids=["gzip", "zstd"])
def test_truncated_compression_delivers_what_came_before(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    """Neither a traceback nor silence: the lines before, then one tear."""
    file = recording(tmp_path, pack(LINES)[:-20])

    lines = list(file)

    assert 0 < len(lines) < 5000
    found = b"".join(b"%d %s\n" % (line.recv_ns, line.raw) for line in lines)
    assert LINES.startswith(found)
    assert file.tear is not None
    assert file.tear.line_number == len(lines) + 1
    assert "ends early" in file.tear.text


@pytest.mark.parametrize("pack", [gzip_members, zstd_frames], ids=["gzip", "zstd"])
def test_damaged_compression_is_a_tear(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Behind damaged compressed data nothing can be read; what came before is good."""
    file = recording(tmp_path, pack(LINES) + b"no compressed frame begins like this")

    assert len(list(file)) == 5000
    assert file.tear is not None
    assert "damaged" in file.tear.text


@pytest.mark.parametrize(
    "garbage",
    [b"", b"hello", b"123 {}", b'1723161255030314667 {"u":', b"x723161255030314667 {}"],
)
def test_garbage_in_the_middle_names_file_and_line(tmp_path: Path, garbage: bytes) -> None:
    """Skipping it would hide a gap in the market; the file needs a person."""
    file = recording(tmp_path, b"%d {}\n%b\n%d {}\n" % (NS, garbage, NS))

    with pytest.raises(RecordingGarbled, match=r"btcusdt_20240808\.dat, line 2") as caught:
        list(file)
    assert caught.value.line_number == 2


def test_empty_file_has_no_lines_and_no_tear(tmp_path: Path) -> None:
    """A recorder that started and heard nothing."""
    file = recording(tmp_path, b"")

    assert (list(file), file.tear) == ([], None)


def test_second_reading_starts_at_the_beginning(tmp_path: Path) -> None:
    """The scan reads a file before the replay does."""
    file = recording(tmp_path, LINES + b"torn")

    assert len(list(file)) == len(list(file)) == 5000


@pytest.mark.parametrize(
    ("path", "lines", "min_ms"),
    [
        (USDM, 93_954, -1272.2),
        (COINM, 48_270, -1268.0),
        (SPOT, 41_249, -1274.8),
        (THIN, 1804, -54.5),
    ],
    ids=["usdm", "coinm", "spot", "thin"],
)
def test_scan_finds_how_far_the_recorders_clock_was_behind(
    path: Path, lines: int, min_ms: float
) -> None:
    """The figures are those that the recordings' README gives, tickers left out."""
    scan = scan_latency(path)

    assert scan.lines == lines
    assert scan.min_ns / 1e6 == pytest.approx(min_ms, abs=0.05)
    assert scan.first_recv_ns < scan.last_recv_ns


def test_scan_names_the_symbols(tmp_path: Path) -> None:
    """A replay must know whose market it is about to read."""
    rows = [
        b'{"stream":"%b@trade","data":{"e":"trade","E":1,"s":"%b"}}' % (s.lower(), s)
        for s in (b"B", b"A", b"B")
    ]
    file = recording(tmp_path, b"".join(b"%d %b\n" % (NS, row) for row in rows))

    assert scan_latency(file.path).symbols == ("A", "B")


def test_next_funding_time_is_no_latency(tmp_path: Path) -> None:
    """A mark price's T lies hours ahead; taken as a stamp it would shift the whole file."""
    row = b'{"e":"markPriceUpdate","E":1723161255000,"s":"BTCUSDT","T":1723190400000}'
    file = recording(tmp_path, b"%d %b\n" % (NS, row))

    assert scan_latency(file.path)[:2] == (0, 0)


def test_scan_reports_its_progress_to_the_end() -> None:
    """A day of 5 GB takes a while; a bar that stops short looks like a hang."""
    reports: list[tuple[int, int]] = []

    scan_latency(THIN, lambda done, total: reports.append((done, total)))

    assert reports[-1] == (THIN.stat().st_size,) * 2
