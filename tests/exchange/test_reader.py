"""Recording reader: to the last whole line, and it says where a file breaks."""

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from exchange.errors import RecordingGarbled
from exchange.recording.reader import (
    MOST_LINE_BYTES,
    RecordedLine,
    Recording,
    recorded_symbols,
)
from tests.places import BASE, INPUTS

NS = 1_723_161_255_030_314_667
BOM = "\ufeff".encode()
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


def zstd_checked(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


packings = pytest.mark.parametrize(
    "pack", [unpacked, gzip.compress, gzip_members, zstd_frames], ids=lambda pack: pack.__name__
)


def recording(folder: Path, data: bytes, name: str = "btcusdt_20240808.dat") -> Recording:
    path = folder / name
    path.write_bytes(data)
    return Recording(path)


@packings
def test_every_line_is_delivered(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Whatever the packing, known by the bytes and not by the name."""
    file = recording(tmp_path, pack(LINES))

    lines = list(file)

    assert lines[0] == RecordedLine(1, NS, b'{"u":0}')
    assert (len(lines), lines[-1].raw, file.tear) == (5000, b'{"u":4999}', None)
    assert file.consumed_bytes == file.total_bytes


@pytest.mark.parametrize("digits", [10, 13, 16, 19])
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
    ("garbage", "told"),
    [
        (b"hello", "does not begin with a receive time of 10, 13, 16 or 19 digits: 'hello'"),
        (b"123 {}", "does not begin with a receive time of 10, 13, 16 or 19 digits: '123 {}'"),
        (b"x723161255030314667 {}", "does not begin with a receive time"),
        (b"1723161255030314667", "no JSON object follows the receive time: '1723161255030314667'"),
        (b"1723161255030314667 [1]", "no JSON object follows the receive time: '1723"),
        (
            b'1723161255030314667 {"u":',
            "is not closed after 25 bytes: ...'1723161255030314667 {\"u",
        ),
    ],
)
def test_garbage_in_the_middle_names_file_line_and_fault(
    tmp_path: Path, garbage: bytes, told: str
) -> None:
    """Skipping it would hide a gap in the market; the file needs a person."""
    file = recording(tmp_path, b"%d {}\n%b\n%d {}\n" % (NS, garbage, NS))

    with pytest.raises(RecordingGarbled, match=r"btcusdt_20240808\.dat, line 2") as caught:
        list(file)
    assert caught.value.line_number == 2
    assert told in caught.value.what


def test_a_long_line_is_shown_where_it_breaks_off(tmp_path: Path) -> None:
    """Its start is perfect, and quoting that as the reason sends people the wrong way."""
    long = b'%d {"b":[%b' % (NS, b",".join(b'["%d.0","1"]' % price for price in range(900)))
    torn = recording(tmp_path, LINES + long)
    broken = recording(tmp_path, LINES + long + b"\n" + LINES, "broken.dat")

    list(torn)
    with pytest.raises(RecordingGarbled) as caught:
        list(broken)

    assert torn.tear is not None
    for told in (torn.tear.text, caught.value.what):
        assert told.endswith('["899.0","1"]\'')
        assert str(NS) not in told


@pytest.mark.parametrize(
    "dress",
    [
        lambda rows: b"\r\n".join([*rows, b""]),
        b"\r\n".join,
        lambda rows: b"\n".join([*rows, b"", b""]),
        lambda rows: b"\n".join([*rows, b" \t"]),
        lambda rows: b"\r\n".join([b"", *rows, b"", b"", b""]),
        b"\n\n\n".join,
        lambda rows: b" \t \n".join([*rows, b""]),
        lambda rows: b"\n".join(row.replace(b" ", b"\t", 1) for row in rows),
        lambda rows: b"\n".join(row.replace(b" ", b"  ", 1) for row in rows),
        lambda rows: BOM + b"\n".join([*rows, b""]),
        lambda rows: BOM + b"\r\n" + b"\r\n".join(rows),
        lambda rows: b"\n".join(rows[:2000]) + b"\n" + BOM + b"\n".join(rows[2000:]),
    ],
    ids=[
        "crlf",
        "crlf-but-the-last",
        "blank-last-line",
        "white-last-line",
        "blank-first-line",
        "blank-lines-between",
        "white-space-at-ends",
        "tab-for-space",
        "two-spaces",
        "byte-order-mark",
        "mark-and-crlf",
        "two-files-each-with-a-mark",
    ],
)
@packings
def test_what_is_around_a_line_says_nothing(
    tmp_path: Path, dress: Callable[[list[bytes]], bytes], pack: Callable[[bytes], bytes]
) -> None:
    """Another system, an editor or a shell wrote it; every message is as it was."""
    file = recording(tmp_path, pack(dress(LINES.splitlines())))

    delivered = [(line.recv_ns, line.raw) for line in file]

    assert delivered == [(NS + i, b'{"u":%d}' % i) for i in range(5000)]
    assert file.tear is None


@pytest.mark.parametrize("name", ["crlf", "blank-last-line", "bom"])
def test_a_recording_with_other_line_ends_is_the_same_recording(name: str) -> None:
    whole = [line.raw for line in Recording(BASE)]

    assert [line.raw for line in Recording(INPUTS / "line-ends" / f"{name}.gz")] == whole


def test_blank_lines_count_where_a_line_is_named(tmp_path: Path) -> None:
    """The number is what an editor shows."""
    file = recording(tmp_path, b"\r\n%d {}\r\n\r\nhello\r\n" % NS)

    with pytest.raises(RecordingGarbled, match="line 4: does not begin"):
        list(file)


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be"])
def test_a_file_of_another_coding_is_named_as_such(tmp_path: Path, coding: str) -> None:
    """What a redirection in some shells of Windows makes of it."""
    file = recording(tmp_path, f"\ufeff{LINES.decode()}".encode(coding))

    with pytest.raises(RecordingGarbled, match="line 1: is UTF-16 text; save the file as UTF-8"):
        list(file)


def test_empty_file_has_no_lines_and_no_tear(tmp_path: Path) -> None:
    """A recorder that started and received nothing."""
    file = recording(tmp_path, b"")

    assert (list(file), file.tear) == ([], None)


def test_second_reading_starts_at_the_beginning(tmp_path: Path) -> None:
    """The scan reads a file before the replay does."""
    file = recording(tmp_path, LINES + b"torn")

    assert len(list(file)) == len(list(file)) == 5000


def test_whose_market_it_holds_is_named(tmp_path: Path) -> None:
    """A replay must know whose market it is about to read."""
    rows = [
        b'{"stream":"%b@trade","data":{"e":"trade","E":1,"s":"%b"}}' % (s.lower(), s)
        for s in (b"B", b"A", b"B")
    ]
    file = recording(tmp_path, b"".join(b"%d %b\n" % (NS, row) for row in rows))

    assert recorded_symbols(file.path) == ("A", "B")


def test_a_line_that_cannot_be_read_does_not_hide_whose_market_it_was(tmp_path: Path) -> None:
    """The first error is the one to be told."""
    row = b'{"stream":"a@trade","data":{"e":"trade","E":1,"s":"A"}}'
    file = recording(tmp_path, b"%d %b\n%d nonsense\n%d %b\n" % (NS, row, NS, NS, row))

    assert recorded_symbols(file.path) == ("A",)


def test_nothing_much_unpacks_to_little_at_a_time(tmp_path: Path) -> None:
    """64 MB of blank lines in 64 kB."""
    file = recording(tmp_path, gzip.compress(b"\n" * (1 << 26)))

    blocks = [len(block) for block in file.blocks()]

    assert sum(blocks) == 1 << 26
    assert max(blocks) <= 1 << 25


@pytest.mark.parametrize("size", [500, 5000], ids=["one chunk", "many"])
@pytest.mark.parametrize("pack", [gzip.compress, zstd_checked], ids=["gzip", "zstd"])
def test_all_before_the_damage_is_given(
    tmp_path: Path, pack: Callable[[bytes], bytes], size: int
) -> None:
    """A checksum that does not fit comes last of all; every line before it is whole.

    Unpacked whole, the piece that ends in damage gives nothing.
    """
    noise = random.Random(7)
    rows = (b'%d {"u":"%b"}\n' % (NS + i, noise.randbytes(50).hex().encode()) for i in range(size))
    lines = b"".join(rows)
    packed = bytearray(pack(lines))
    packed[-1 if pack is zstd_checked else -5] ^= 1  # of the checksum; gzip's is before the size
    file = recording(tmp_path, pack(LINES) + packed)

    delivered = b"".join(b"%d %b\n" % (line.recv_ns, line.raw) for line in file)

    assert delivered.endswith(lines)
    assert file.tear is not None
    assert "damaged" in file.tear.text


def test_a_frame_that_says_nothing_comes_first(tmp_path: Path) -> None:
    """Parallel packers begin a zstd file with a frame for themselves."""
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00only"

    assert len(list(recording(tmp_path, skipped + zstd_frames(LINES)))) == 5000


def test_a_line_longer_than_any_message_ends_the_reading(tmp_path: Path) -> None:
    """A file that is one endless line would fill the memory."""
    file = recording(tmp_path, gzip.compress(LINES + b"x" * (MOST_LINE_BYTES + 1)))

    assert len(list(file)) == 5000
    assert file.tear is not None
    assert "nothing from line 5001 on, it is longer than 16 MiB" in file.tear.text


@pytest.mark.parametrize("size", range(len(LINES) - 31, len(LINES)))
def test_a_last_line_cut_anywhere_is_a_tear(tmp_path: Path, size: int) -> None:
    """Within its receive time it is JSON of a kind: a number."""
    file = recording(tmp_path, LINES[:size])

    rest = LINES[:size].rpartition(b"\n")[2]
    whole = rest == LINES.splitlines()[-1]
    assert len(list(file)) == 4999 + whole
    assert (file.tear is None) == (whole or not rest)


def test_zeros_behind_packed_data_are_padding(tmp_path: Path) -> None:
    """Tapes and block devices fill their last block."""
    file = recording(tmp_path, gzip.compress(LINES) + bytes(100_000))

    assert (len(list(file)), file.tear) == (5000, None)


def test_what_is_found_late_puts_all_before_it_in_doubt(tmp_path: Path) -> None:
    """A checksum knows that something is wrong, and not where."""
    packed = bytearray(gzip.compress(LINES))
    packed[-8] ^= 1
    file = recording(tmp_path, bytes(packed))

    list(file)
    assert file.tear is not None
    assert file.tear.text.endswith("; lines before it may be wrong too")


def test_another_format_is_named(tmp_path: Path) -> None:
    """The file that hftbacktest made of a recording, say."""
    with pytest.raises(RecordingGarbled, match="is a zip or npz archive; a recording is text"):
        list(recording(tmp_path, b"PK\x03\x04 and more\n"))
