"""What the scanner and its twin make of one message, and messages to try them with."""

import json
import random
from typing import Any

import numpy as np
import orjson

from exchange.binance.frame_scanner import FrameScanner
from exchange.binance.frames import decode
from exchange.errors import Garbled
from exchange.event_columns import (
    AGGRESSOR,
    ASK_AT,
    ASK_LOTS,
    ASK_TICKS,
    ASKS,
    BID_AT,
    BID_LOTS,
    BID_TICKS,
    BIDS,
    DEPTH,
    EXCH_NS,
    FIRST_ID,
    FUNDING_E8,
    IGNORED,
    IS_AGGREGATE,
    KIND,
    LAST_ID,
    MARK,
    MARK_E8,
    NEXT_FUNDING_NS,
    PREV_ID,
    PRICE_TICKS,
    QTY_LOTS,
    SNAPSHOT,
    TICKER,
    TRADE,
    UNREAD,
    WIDTH,
    write_row,
)
from exchange.instrument import Instrument
from exchange.jit import IntArray

Told = tuple[int, ...] | str
"""A message in integers, its levels included; or what is wrong with it."""

_COLUMNS = {
    DEPTH: (EXCH_NS, LAST_ID, FIRST_ID, PREV_ID),
    SNAPSHOT: (EXCH_NS, LAST_ID),
    TRADE: (EXCH_NS, LAST_ID, PRICE_TICKS, QTY_LOTS, AGGRESSOR, IS_AGGREGATE),
    TICKER: (EXCH_NS, LAST_ID, BID_TICKS, BID_LOTS, ASK_TICKS, ASK_LOTS),
    MARK: (EXCH_NS, MARK_E8, FUNDING_E8, NEXT_FUNDING_NS),
    IGNORED: (),
}
"""What a row of each kind says, its levels aside."""


def by_twin(raw: bytes, instrument: Instrument) -> Told:
    """As ``frames.decode`` reads it."""
    row = np.zeros(WIDTH, dtype=np.int64)
    ticks, lots = np.zeros((2, len(raw) // 10 + 2), dtype=np.int64)
    try:
        write_row(decode(raw, instrument), row, ticks, lots, 0)
    except Garbled as error:
        return error.what
    except OverflowError:
        return "too large"
    return _told(row, ticks, lots)


def by_scanner(raw: bytes, scanner: FrameScanner) -> Told | None:
    """As the kernel alone reads it; None where it leaves it to its twin."""
    if scanner.scan_fast(raw) == UNREAD:
        return None
    return _told(scanner.row, scanner.ticks, scanner.lots)


def _told(row: IntArray, ticks: IntArray, lots: IntArray) -> tuple[int, ...]:
    kind = int(row[KIND])
    told = [kind, *(int(row[column]) for column in _COLUMNS[kind])]
    if kind in (DEPTH, SNAPSHOT):
        for at, count in ((row[BID_AT], row[BIDS]), (row[ASK_AT], row[ASKS])):
            levels = slice(int(at), int(at + count))
            told += [int(count), *ticks[levels].tolist(), *lots[levels].tolist()]
    return tuple(told)


def respelt(raw: bytes, rng: random.Random) -> bytes:
    """The same message with its keys in another order, white space, and keys of no meaning."""
    message = orjson.loads(raw)
    return _spell(_reordered(message, rng), rng)


def _reordered(message: Any, rng: random.Random) -> Any:
    if not isinstance(message, dict):
        return message
    items = [(key, _reordered(value, rng)) for key, value in message.items()]
    if rng.random() < 0.5:
        items.append((rng.choice(["ps", "st", "nq", "R", "zz"]), rng.choice([7, "x", True, None])))
    rng.shuffle(items)
    return dict(items)


def _spell(message: Any, rng: random.Random) -> bytes:
    spaces = [rng.choice(["", " ", "  ", "\t"]) for _ in range(2)]
    return json.dumps(message, separators=(spaces[0] + ",", ":" + spaces[1])).encode("ascii")


_BYTES = b'0123456789{}[]",:.-+eE tfn\\aAbBTuUpsqmrX\n\x00\x80'


def mutated(raw: bytes, rng: random.Random) -> bytes:
    """The message with one to three small wounds."""
    text = bytearray(raw)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text))
        match rng.randrange(5):
            case 0:
                text[at] = rng.choice(_BYTES)
            case 1:
                text.insert(at, rng.choice(_BYTES))
            case 2:
                del text[at]
            case 3:  # a piece twice, or a piece gone
                end = min(len(text), at + rng.randint(1, 30))
                text[at:end] = text[at:end] * rng.choice([0, 2])
            case _:  # a digit for another: ids, stamps and sizes that nobody expects
                digits = [i for i, char in enumerate(text) if 48 <= char <= 57]
                for i in rng.sample(digits, min(len(digits), rng.randint(1, 8))):
                    text[i] = rng.choice(b"0123456789")
        if not text:
            return b"{"
    return bytes(text)
