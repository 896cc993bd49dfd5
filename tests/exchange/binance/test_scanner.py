"""Market frame scanner: it reads what its twin reads, and leaves to it what it does not know."""

import random
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from exchange.binance.frame_scanner import FrameScanner
from exchange.binance.frames import decode
from exchange.binance.json_bytes import LEVEL_BYTES, PADDING
from exchange.binance.scanner import SCRATCH_SIZE, scan_lines, scanned_grid
from exchange.errors import Garbled
from exchange.event_columns import (
    FUNDING_E8,
    IGNORED,
    KIND,
    LINE,
    MARK,
    MARK_E8,
    NO_FUNDING,
    RAW_AT,
    RAW_SIZE,
    RECV_NS,
    TRADE,
    UNREAD,
    WIDTH,
)
from exchange.instrument import Instrument
from exchange.recording.reader import Recording
from tests.exchange.binance.scanned import by_scanner, by_twin, mutated, respelt
from tests.exchange.binance.scanner_trials import RECORDINGS, messages
from tests.exchange.test_frames import BTCUSDT, DEPTH, TICKER
from tests.exchange.test_frames import MARK as MARK_MESSAGE
from tests.exchange.test_frames import TRADE as TRADE_MESSAGE
from tests.places import USDM

SNAPSHOT = {
    "lastUpdateId": 12,
    "E": 1723161256299,
    "T": 1723161256298,
    "bids": [["58710.20", "0.014"]],
    "asks": [["61803.30", "1"], ["61803.40", "2.000"]],
}
KINDS = (DEPTH, TICKER, TRADE_MESSAGE, MARK_MESSAGE, SNAPSHOT)
AGGREGATE = {**TRADE_MESSAGE, "e": "aggTrade", "a": 7, "f": 1, "l": 2}


def combined(message: dict[str, Any], stream: str = "btcusdt@any") -> bytes:
    return orjson.dumps({"stream": stream, "data": message})


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_scanner_reads_real_messages_as_its_twin_does(path: Path) -> None:
    """Without leaving one to it. ``scanner_trials`` tries them all."""
    instrument = RECORDINGS[path]
    scanner = FrameScanner(instrument)

    for raw in islice(messages(path), 0, 30_000, 17):
        assert by_scanner(raw, scanner) == by_twin(raw, instrument), raw


@pytest.mark.parametrize("seed", range(200))
def test_order_of_keys_white_space_and_unknown_keys_make_no_difference(seed: int) -> None:
    """JSON says that they do not, and recorders spell it as they like."""
    rng, scanner = random.Random(seed), FrameScanner(BTCUSDT)
    for message in (*KINDS, AGGREGATE):
        for raw in (orjson.dumps(message), combined(message)):
            spelt = respelt(raw, rng)

            assert by_scanner(spelt, scanner) == by_twin(raw, BTCUSDT), spelt


@pytest.mark.parametrize("seed", range(30))
def test_a_wounded_message_is_read_as_its_twin_reads_it_or_left_to_it(seed: int) -> None:
    """``scanner_trials`` tries a million."""
    rng, scanner = random.Random(seed), FrameScanner(BTCUSDT)
    for _ in range(300):
        message = rng.choice((*KINDS, AGGREGATE))
        raw = mutated(rng.choice((orjson.dumps, combined))(message), rng)
        told = by_scanner(raw, scanner)

        assert told is None or told == by_twin(raw, BTCUSDT), raw


@pytest.mark.parametrize(
    ("tick_size", "lot_size"), [("0.1", "0.001"), ("0.5", "1"), ("0.05", "0.02"), ("5", "0.1")]
)
def test_steps_of_any_size_are_counted_exactly(tick_size: str, lot_size: str) -> None:
    """Grids whose step is not one of the last digit."""
    instrument = Instrument.from_steps("BTCUSDT", tick_size, lot_size)
    scanner = FrameScanner(instrument)
    for ticks, lots in ((1, 1), (123_457, 98_765_431), (20, 0)):
        pair = [instrument.price.text(ticks), instrument.qty.text(lots)]
        raw = orjson.dumps({**DEPTH, "b": [pair], "a": []})

        assert by_scanner(raw, scanner) == by_twin(raw, instrument)


@pytest.mark.parametrize("stamp", [1723161256, 1723161256000, 1723161256000000, 1723161256 * 10**9])
def test_stamps_are_read_in_any_unit(stamp: int) -> None:
    raw = orjson.dumps({**TRADE_MESSAGE, "T": stamp})

    assert by_scanner(raw, FrameScanner(BTCUSDT)) == by_twin(raw, BTCUSDT)


@pytest.mark.parametrize(
    "raw",
    [
        orjson.dumps({**TRADE_MESSAGE, "s": "ETHUSDT"}),
        orjson.dumps({**TRADE_MESSAGE, "s": "BTCUSDTX", "p": "0.00000001"}),
        combined(DEPTH, "btcusdt@depth20@100ms"),
        combined(DEPTH, "btcusdt@rpiDepth@500ms"),
        orjson.dumps({**TRADE_MESSAGE, "X": "INSURANCE_FUND"}),
        orjson.dumps({**TRADE_MESSAGE, "q": "0.000"}),
        orjson.dumps({**SNAPSHOT, "symbol": "ETHUSDT"}),
    ],
)
def test_what_is_none_of_our_business_is_ignored_at_full_speed(raw: bytes) -> None:
    """A recording may hold many symbols."""
    assert FrameScanner(BTCUSDT).scan_fast(raw) == IGNORED


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b'{"e":"kline","s":"BTCUSDT","k":{}}',
        b'{"result":null,"id":1}',
        orjson.dumps(TICKER | {"result": None} | {"e": None}),
        orjson.dumps({**TRADE_MESSAGE, "p": "61800.35"}),
        orjson.dumps({**DEPTH, "b": [["61800.30", "1", "2"]]}),
        orjson.dumps(DEPTH)[:-1],
        orjson.dumps(DEPTH) + b"}",
        orjson.dumps(DEPTH) + b"\n{}",
        orjson.dumps(TRADE_MESSAGE).replace(b'"p":', b'"\\u0070":'),
        orjson.dumps(TRADE_MESSAGE).replace(b'"t":', b'"t":1,"t":'),
        orjson.dumps({**TRADE_MESSAGE, "t": 2**63}),
        combined(DEPTH)[:-1] + b',"e":"trade"}',
        orjson.dumps({**TRADE_MESSAGE, "T": 17231612560000}),
    ],
)
def test_what_is_not_expected_to_the_letter_is_left_to_the_twin(raw: bytes) -> None:
    """It may be right all the same: it is not for the scanner to say."""
    assert FrameScanner(BTCUSDT).scan_fast(raw) == UNREAD


def test_a_message_left_to_the_twin_is_read_all_the_same() -> None:
    """Nobody who scans has to know that there are two."""
    scanner = FrameScanner(BTCUSDT)
    escaped = orjson.dumps(TRADE_MESSAGE).replace(b'"p":', b'"\\u0070":')

    assert scanner.scan(escaped) == TRADE
    assert decode(escaped, BTCUSDT) == decode(orjson.dumps(TRADE_MESSAGE), BTCUSDT)


@pytest.mark.parametrize("raw", [b"nonsense", orjson.dumps({**TRADE_MESSAGE, "t": 2**64 - 1})])
def test_nonsense_is_refused_with_its_reason(raw: bytes) -> None:
    with pytest.raises(Garbled):
        FrameScanner(BTCUSDT).scan(raw)


def test_mark_price_and_funding_rate_are_integers_of_e8() -> None:
    """A negative rate is one that shorts pay, and some contracts have none."""
    scanner = FrameScanner(BTCUSDT)

    assert scanner.scan(orjson.dumps({**MARK_MESSAGE, "r": "-0.00012345"})) == MARK
    assert (scanner.row[MARK_E8], scanner.row[FUNDING_E8]) == (6179998765432, -12345)
    assert scanner.scan(orjson.dumps({**MARK_MESSAGE, "r": ""})) == MARK
    assert scanner.row[FUNDING_E8] == NO_FUNDING


def test_a_message_longer_than_any_before_finds_room() -> None:
    """A snapshot may hold more levels than the pool was made for."""
    scanner, levels = FrameScanner(BTCUSDT), [["1.0", "1"]] * 20_000
    raw = orjson.dumps({**SNAPSHOT, "bids": levels})

    assert by_scanner(raw, scanner) == by_twin(raw, BTCUSDT)


# ---------------------------------------------------------------- lines


def scanned_lines(text: bytes, most: int = 1000) -> tuple[np.ndarray, int]:
    """``(rows, bytes read)`` of a recording's whole lines."""
    rows = np.zeros(most * WIDTH, dtype=np.int64)
    ticks, lots = np.zeros((2, len(text) // LEVEL_BYTES + 1), dtype=np.int64)
    at, _, count, _ = scan_lines(
        np.frombuffer(text + PADDING, dtype=np.uint8),
        0,
        len(text),
        1,
        scanned_grid(BTCUSDT),
        np.frombuffer(b"BTCUSDT", dtype=np.uint8),
        np.zeros(SCRATCH_SIZE, dtype=np.int64),
        rows,
        0,
        ticks,
        lots,
        0,
    )
    return rows.reshape(-1, WIDTH)[:count], at


def test_lines_of_a_recording_are_where_its_reader_finds_them() -> None:
    """Number, receive time and message of each."""
    lines = list(islice(Recording(USDM), 500))
    text = b"".join(b"%d %s\n" % (line.recv_ns, line.raw) for line in lines)
    rows, at = scanned_lines(text)

    assert at == len(text)
    for line, row in zip(lines, rows, strict=True):
        message = text[row[RAW_AT] : row[RAW_AT] + row[RAW_SIZE]]
        assert (line.number, line.recv_ns, line.raw) == (row[LINE], row[RECV_NS], message)


@pytest.mark.parametrize(
    ("stamp", "recv_ns"),
    [
        (b"1723161256", 1723161256 * 10**9),
        (b"1723161256299", 1723161256299 * 10**6),
        (b"1723161256299001", 1723161256299001 * 10**3),
        (b"1723161256299001002", 1723161256299001002),
    ],
)
def test_digits_of_a_receive_time_tell_its_unit(stamp: bytes, recv_ns: int) -> None:
    rows, _ = scanned_lines(stamp + b" " + orjson.dumps(TRADE_MESSAGE) + b"\n")

    assert (rows[0, KIND], rows[0, RECV_NS]) == (TRADE, recv_ns)


def test_blank_lines_count_and_say_nothing() -> None:
    """Windows line ends leave a return, which is white space."""
    line = b"1723161256299 " + orjson.dumps(TRADE_MESSAGE)
    rows, _ = scanned_lines(b"\n \t\r\n  " + line + b" \r\n\n" + line + b"\r\n")

    assert rows[:, KIND].tolist() == [TRADE, TRADE]
    assert rows[:, LINE].tolist() == [3, 5]


@pytest.mark.parametrize(
    "line",
    [
        b"\xef\xbb\xbf1723161256299 {}",
        b"17231612562 {}",
        b"1723161256299{}",
        b"1723161256299 [1]",
        b"1723161256299 " + orjson.dumps(TRADE_MESSAGE) + b" x",
        b"half a line",
    ],
)
def test_a_line_that_is_not_read_is_shown_whole(line: bytes) -> None:
    """Python then reads it, or says what is wrong with it; the lines around it are read."""
    good = b"1723161256299 " + orjson.dumps(TRADE_MESSAGE) + b"\n"
    text = good + line + b"\n" + good
    rows, _ = scanned_lines(text)

    assert rows[:, KIND].tolist() == [TRADE, UNREAD, TRADE]
    assert text[rows[1, RAW_AT] : rows[1, RAW_AT] + rows[1, RAW_SIZE]] == line


def test_scanning_stops_when_the_rows_are_full_and_goes_on_from_there() -> None:
    """So that no table has to be made for the shortest of all lines."""
    good = b"1723161256299 " + orjson.dumps(TRADE_MESSAGE) + b"\n"
    rows, at = scanned_lines(good * 5, most=3)

    assert (len(rows), at) == (3, 3 * len(good))
