"""Market frame scanner: the venue's JSON to event rows, compiled, in one pass over the bytes.

Reads depth, ticker, trade, aggregate trade and mark price frames and depth snapshots, in the
combined framing or bare, whatever the order of keys and the white space. Keys that it does not
know are passed over. What it does not understand to the letter (an escape, an exponent, a key
twice, a number off the grid) it does not judge: such a message is ``UNREAD``, and
``frames.decode``, its twin, reads it or says what is wrong.

Positions inside are addresses, and arrays are ``borrowed``: handing arrays from piece to piece
costs more than all the rest.
"""

import numpy as np

from exchange.binance.frames import fixed_point
from exchange.binance.json_bytes import (
    AT_SIGN,
    CLOSE,
    COLON,
    COMMA,
    LIST,
    MINUS,
    NEWLINE,
    NINE,
    OFF_GRID,
    OPEN,
    QUOTE,
    ZERO,
    decimal,
    end_of_text,
    is_text,
    is_word,
    price_levels,
    skip_blank,
    skip_space,
    whole_number,
    word_of,
)
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
    LINE,
    MARK,
    MARK_E8,
    NEXT_FUNDING_NS,
    NO_FUNDING,
    PREV_ID,
    PRICE_TICKS,
    QTY_LOTS,
    RAW_AT,
    RAW_SIZE,
    RECV_NS,
    SNAPSHOT,
    TICKER,
    TRADE,
    UNREAD,
    WIDTH,
)
from exchange.instrument import Instrument
from exchange.jit import (
    ByteArray,
    IntArray,
    address_of,
    borrowed,
    byte_at,
    inlined,
    new_ints,
    njit,
    piece,
)

# The keys that are read, as slots of the scratch array.
_e, _E, _T, _s, _U, _u, _b, _a, _B, _A, _p, _q, _t, _m, _X, _r = range(16)
_pu, _last_update_id, _bids, _asks, _symbol, _stream, _data, _answer = range(16, 24)
_SLOTS = 24
_OTHER, _TWICE = -1, -2
SCRATCH_SIZE = 3 * _SLOTS
"""Of the scratch array: of each key its kind of value, the value, and a third number: how many
levels, or where the text of a number in steps begins."""

_ABSENT, _INT, _TEXT, _STEPS, _LEVELS, _TRUE, _FALSE, _NULL, _NESTED, _BARE = range(10)

_E8_DECIMALS = 8

_SLOT_OF_LETTER = np.full(256, _OTHER, dtype=np.int64)
for _slot, _letter in enumerate("eETsUubaBApqtmXr"):
    _SLOT_OF_LETTER[ord(_letter)] = _slot

_NO_GRID, _PRICE_GRID, _QTY_GRID = range(3)
_GRID_OF_SLOT = np.full(_SLOTS, _NO_GRID, dtype=np.int64)
_GRID_OF_SLOT[[_p, _b, _a]] = _PRICE_GRID
_GRID_OF_SLOT[[_q, _B, _A]] = _QTY_GRID

_KEYS_DATA, _KEYS_STREAM, _KEYS_BIDS, _KEYS_ASKS = map(word_of, ("data", "stream", "bids", "asks"))
_KEYS_SYMBOL, _KEYS_LAST_UPDATE_ID = map(word_of, ("symbol", "lastUpdateId"))
_KEYS_RESULT, _KEYS_ERROR = map(word_of, ("result", "error"))
_IS_TRUE, _IS_FALSE, _IS_NULL = map(word_of, ("true", "false", "null"))
_DEPTH_UPDATE, _BOOK_TICKER, _TRADE_EVENT = map(word_of, ('depthUpdate"', 'bookTicker"', 'trade"'))
_AGG_TRADE, _MARK_PRICE = map(word_of, ('aggTrade"', 'markPriceUpdate"'))
_MARKET, _DEPTH_N, _RPI_DEPTH = map(word_of, ('MARKET"', "depth", "rpiDepth"))


@inlined
def _slot_of(at: int, size: int) -> int:
    """Which key this text is."""
    first = byte_at(at)
    if size == 1:
        return int(_SLOT_OF_LETTER[first])
    if size == 2:
        return _pu if first == ord("p") and byte_at(at + 1) == ord("u") else _OTHER
    if size == 4:
        if is_word(at, _KEYS_DATA):
            return _data
        if is_word(at, _KEYS_BIDS):
            return _bids
        return _asks if is_word(at, _KEYS_ASKS) else _OTHER
    if size == 5:
        return _answer if is_word(at, _KEYS_ERROR) else _OTHER
    if size == 6:
        if is_word(at, _KEYS_RESULT):
            return _answer
        if is_word(at, _KEYS_STREAM):
            return _stream
        return _symbol if is_word(at, _KEYS_SYMBOL) else _OTHER
    if size == 12 and is_word(at, _KEYS_LAST_UPDATE_ID):
        return _last_update_id
    return _OTHER


@inlined
def _scalar(at: int) -> tuple[int, int, int]:
    """A text, whole number or word: ``(what it is, its value, where it ends)``, -1 if neither."""
    first = byte_at(at)
    if first == QUOTE:
        end = end_of_text(at + 1)
        return _TEXT, at + 1, end + 1 if end >= 0 else -1
    if first == ord("t"):
        return _TRUE, 0, at + 4 if is_word(at, _IS_TRUE) else -1
    if first == ord("f"):
        return _FALSE, 0, at + 5 if is_word(at, _IS_FALSE) else -1
    if first == ord("n"):
        return _NULL, 0, at + 4 if is_word(at, _IS_NULL) else -1
    number, end = whole_number(at)
    return _INT, number, end


@inlined
def _allowed(slot: int, inside: bool, scratch: IntArray) -> int:
    """The key as it counts here, inside ``data`` or outside; ``_TWICE`` where it must not stand."""
    if slot == _OTHER or (inside and slot == _stream):
        return _OTHER
    if scratch[slot] != _ABSENT:
        return _TWICE
    if not inside and slot not in (_stream, _data):
        if scratch[_data] == _NESTED:
            return _TWICE
        scratch[_data] = _BARE
    return slot


@inlined
def _scan_value(
    at: int,
    slot: int,
    price_decimals: int,
    tick_units: int,
    qty_decimals: int,
    lot_units: int,
    scratch: IntArray,
    ticks: IntArray,
    lots: IntArray,
    level: int,
) -> tuple[int, int]:
    """Note one value; where it ends, -1 where it is not as expected, and the next free level."""
    first = byte_at(at)
    if first == LIST:
        if slot not in (_b, _a, _bids, _asks):
            return -1, level
        begin = level
        at, level = price_levels(
            at + 1, price_decimals, tick_units, qty_decimals, lot_units, ticks, lots, level
        )
        scratch[slot] = _LEVELS
        scratch[_SLOTS + slot] = begin
        scratch[2 * _SLOTS + slot] = level - begin
        return at, level
    if first == QUOTE and slot >= 0 and _GRID_OF_SLOT[slot] != _NO_GRID:
        priced = _GRID_OF_SLOT[slot] == _PRICE_GRID
        scratch[slot] = _STEPS
        scratch[2 * _SLOTS + slot] = at + 1
        scratch[_SLOTS + slot], at = decimal(
            at + 1,
            price_decimals if priced else qty_decimals,
            tick_units if priced else lot_units,
        )
        return (at + 1 if at >= 0 else -1), level
    what, value, at = _scalar(at)
    if slot >= 0:
        scratch[slot] = what
        scratch[_SLOTS + slot] = value
    return at, level


@inlined
def _scan_object(
    at: int,
    price_decimals: int,
    tick_units: int,
    qty_decimals: int,
    lot_units: int,
    scratch: IntArray,
    ticks: IntArray,
    lots: IntArray,
    level: int,
) -> tuple[int, int]:
    """Note every key's value in the scratch array, and write the levels.

    Returns:
        ``(end, level)``: behind the closing bracket, -1 where something is written in a way
        that is not expected; and the next free level.
    """
    for slot in range(_SLOTS):
        scratch[slot] = _ABSENT
    if byte_at(at) != OPEN:
        return -1, level
    at += 1
    inside = False
    while True:
        at = skip_space(at)
        key_at = at + 1
        at = end_of_text(key_at) if byte_at(at) == QUOTE else -1
        if at < 0:
            return -1, level
        slot = _allowed(_slot_of(key_at, at - key_at), inside, scratch)
        at = skip_space(at + 1)
        if byte_at(at) != COLON or slot == _TWICE:
            return -1, level
        at = skip_space(at + 1)
        if slot == _data:
            if byte_at(at) != OPEN:
                return -1, level
            scratch[_data] = _NESTED
            inside = True
            at += 1
            continue
        at, level = _scan_value(
            at,
            slot,
            price_decimals,
            tick_units,
            qty_decimals,
            lot_units,
            scratch,
            ticks,
            lots,
            level,
        )
        if at < 0:
            return -1, level
        at = skip_space(at)
        while byte_at(at) == CLOSE:
            if not inside:
                return at + 1, level
            inside = False
            at = skip_space(at + 1)
        if byte_at(at) != COMMA:
            return -1, level
        at += 1


@inlined
def _stamp_ns(stamp: int) -> int:
    """A time of the venue in nanoseconds, -1 for one that is none.

    The number of digits tells the unit: 10 are seconds, 13 milliseconds, 16 microseconds and
    19 nanoseconds. Fewer than 13 are milliseconds of long ago.
    """
    if stamp >= 10**18:
        return stamp
    if stamp >= 10**15:
        return stamp * 1000 if stamp < 10**16 else -1
    if stamp >= 10**13:
        return -1
    return stamp * (10**9 if 10**9 <= stamp < 10**10 else 10**6)


@inlined
def _event_ns(scratch: IntArray) -> int:
    """The matching engine's time, or the event's where only that is given; -1 where neither."""
    slot = _E if scratch[_T] == _ABSENT else _T
    return _stamp_ns(scratch[_SLOTS + slot]) if scratch[slot] == _INT else -1


@inlined
def _on_grid(ticks: IntArray, first: int, count: int) -> bool:
    for i in range(first, first + count):  # noqa: SIM110  # kernels know no generators
        if ticks[i] == OFF_GRID:
            return False
    return True


@piece
def _read_levels(scratch: IntArray, bids: int, asks: int, ticks: IntArray, row: IntArray) -> bool:
    """Write where the levels are; False where some are missing or cannot be."""
    if scratch[bids] != _LEVELS or scratch[asks] != _LEVELS:
        return False
    row[BID_AT], row[BIDS] = scratch[_SLOTS + bids], scratch[2 * _SLOTS + bids]
    row[ASK_AT], row[ASKS] = scratch[_SLOTS + asks], scratch[2 * _SLOTS + asks]
    return _on_grid(ticks, row[BID_AT], row[BIDS]) and _on_grid(ticks, row[ASK_AT], row[ASKS])


@piece
def _read_depth(scratch: IntArray, ticks: IntArray, row: IntArray) -> int:
    if scratch[_stream] == _TEXT:
        # A partial book says depthUpdate too, and is no part of the sequence of diffs.
        at = scratch[_SLOTS + _stream]
        while byte_at(at) != QUOTE:
            if byte_at(at) == AT_SIGN:
                if is_word(at + 1, _RPI_DEPTH):
                    return IGNORED
                if is_word(at + 1, _DEPTH_N):
                    digit = byte_at(at + 1 + 5)
                    if ZERO <= digit <= NINE:
                        return IGNORED
            at += 1
    elif scratch[_stream] != _ABSENT:
        return UNREAD
    if scratch[_U] != _INT or scratch[_u] != _INT:
        return UNREAD
    row[FIRST_ID], row[LAST_ID] = scratch[_SLOTS + _U], scratch[_SLOTS + _u]
    # Spot names no predecessor: there, ids are dense.
    row[PREV_ID] = scratch[_SLOTS + _pu] if scratch[_pu] == _INT else row[FIRST_ID] - 1
    row[EXCH_NS] = _event_ns(scratch)
    if scratch[_pu] != _INT and scratch[_pu] != _ABSENT:
        return UNREAD
    if row[EXCH_NS] < 0 or not _read_levels(scratch, _b, _a, ticks, row):
        return UNREAD
    return DEPTH


@piece
def _read_snapshot(scratch: IntArray, ticks: IntArray, row: IntArray) -> int:
    if scratch[_last_update_id] != _INT:
        return UNREAD
    row[LAST_ID] = scratch[_SLOTS + _last_update_id]
    timed = scratch[_E] != _ABSENT or scratch[_T] != _ABSENT
    row[EXCH_NS] = _event_ns(scratch) if timed else 0
    if row[EXCH_NS] < 0 or not _read_levels(scratch, _bids, _asks, ticks, row):
        return UNREAD
    return SNAPSHOT


@inlined
def _steps_of(scratch: IntArray, slot: int) -> int:
    """Steps of a decimal text; ``OFF_GRID`` where it is off the grid, or no such text."""
    return scratch[_SLOTS + slot] if scratch[slot] == _STEPS else OFF_GRID


@inlined
def _read_trade(
    scratch: IntArray,
    id_slot: int,
    row: IntArray,
) -> int:
    if scratch[_X] == _TEXT:
        if not is_word(scratch[_SLOTS + _X], _MARKET):
            return IGNORED
    elif scratch[_X] != _ABSENT:
        return UNREAD
    qty_lots = _steps_of(scratch, _q)
    if qty_lots == 0:
        return IGNORED
    price_ticks = _steps_of(scratch, _p)
    if qty_lots < 0 or price_ticks <= 0 or scratch[id_slot] != _INT:
        return UNREAD
    row[LAST_ID] = scratch[_SLOTS + id_slot]
    row[PRICE_TICKS], row[QTY_LOTS] = price_ticks, qty_lots
    row[EXCH_NS] = _event_ns(scratch)
    if row[EXCH_NS] < 0 or (scratch[_m] != _TRUE and scratch[_m] != _FALSE):
        return UNREAD
    row[AGGRESSOR] = -1 if scratch[_m] == _TRUE else 1  # m: the buyer was the maker
    row[IS_AGGREGATE] = int(id_slot == _a)
    return TRADE


@inlined
def _read_ticker(
    scratch: IntArray,
    row: IntArray,
) -> int:
    bid_ticks = _steps_of(scratch, _b)
    bid_lots = _steps_of(scratch, _B)
    ask_ticks = _steps_of(scratch, _a)
    ask_lots = _steps_of(scratch, _A)
    if min(bid_ticks, bid_lots, ask_ticks, ask_lots) < 0:
        return UNREAD
    if (bid_lots > 0 and bid_ticks == 0) or (ask_lots > 0 and ask_ticks == 0):
        return UNREAD
    if bid_lots > 0 and ask_lots > 0 and bid_ticks >= ask_ticks:
        return UNREAD
    timed = scratch[_E] != _ABSENT or scratch[_T] != _ABSENT
    row[EXCH_NS] = _event_ns(scratch) if timed else 0
    if row[EXCH_NS] < 0 or scratch[_u] != _INT:
        return UNREAD
    row[LAST_ID] = scratch[_SLOTS + _u]
    row[BID_TICKS], row[BID_LOTS] = bid_ticks, bid_lots
    row[ASK_TICKS], row[ASK_LOTS] = ask_ticks, ask_lots
    return TICKER


@piece
def _read_mark(scratch: IntArray, row: IntArray) -> int:
    if scratch[_p] != _STEPS:
        return UNREAD
    mark_e8, _ = decimal(scratch[2 * _SLOTS + _p], _E8_DECIMALS, 1)
    if mark_e8 <= 0 or scratch[_E] != _INT:
        return UNREAD
    row[EXCH_NS] = _stamp_ns(scratch[_SLOTS + _E])
    row[MARK_E8] = mark_e8
    # Here, and only here, T is a time still to come.
    row[NEXT_FUNDING_NS] = _stamp_ns(scratch[_SLOTS + _T]) if scratch[_T] == _INT else 0
    if scratch[_T] != _INT and scratch[_T] != _ABSENT:
        return UNREAD
    row[FUNDING_E8] = NO_FUNDING
    if scratch[_r] == _TEXT:
        at = scratch[_SLOTS + _r]
        if byte_at(at) != QUOTE:
            sign = -1 if byte_at(at) == MINUS else 1
            rate_e8, end = decimal(at + (sign < 0), _E8_DECIMALS, 1)
            if rate_e8 < 0 or end < 0:
                return UNREAD
            row[FUNDING_E8] = sign * rate_e8
    elif scratch[_r] != _ABSENT:
        return UNREAD
    return MARK if row[EXCH_NS] >= 0 and row[NEXT_FUNDING_NS] >= 0 else UNREAD


@inlined
def _read(
    symbol_at: int,
    symbol_size: int,
    scratch: IntArray,
    ticks: IntArray,
    row: IntArray,
) -> int:
    """Make a row of an object's noted keys; the kind of event that it is."""
    if scratch[_e] == _ABSENT and scratch[_last_update_id] != _ABSENT:
        if scratch[_symbol] != _ABSENT:
            if scratch[_symbol] != _TEXT:
                return UNREAD
            if not is_text(scratch[_SLOTS + _symbol], symbol_at, symbol_size):
                return IGNORED
        return _read_snapshot(scratch, ticks, row)
    if scratch[_s] != _TEXT or (scratch[_e] != _TEXT and scratch[_e] != _ABSENT):
        return UNREAD
    if scratch[_e] == _ABSENT and scratch[_answer] != _ABSENT:
        return UNREAD
    about_us = is_text(scratch[_SLOTS + _s], symbol_at, symbol_size)
    kind_at = scratch[_SLOTS + _e]
    if scratch[_e] == _ABSENT or is_word(kind_at, _BOOK_TICKER):
        if not about_us:
            return IGNORED
        return _read_ticker(scratch, row)
    if is_word(kind_at, _DEPTH_UPDATE):
        return _read_depth(scratch, ticks, row) if about_us else IGNORED
    if is_word(kind_at, _MARK_PRICE):
        return _read_mark(scratch, row) if about_us else IGNORED
    aggregate = is_word(kind_at, _AGG_TRADE)
    if aggregate or is_word(kind_at, _TRADE_EVENT):
        if not about_us:
            return IGNORED
        return _read_trade(
            scratch,
            _a if aggregate else _t,
            row,
        )
    return UNREAD


@inlined
def _scan(
    at: int,
    price_decimals: int,
    tick_units: int,
    qty_decimals: int,
    lot_units: int,
    symbol_at: int,
    symbol_size: int,
    scratch: IntArray,
    row: IntArray,
    ticks: IntArray,
    lots: IntArray,
    level: int,
) -> tuple[int, int]:
    """``scan_frame`` by addresses."""
    row[KIND], row[EXCH_NS] = UNREAD, 0
    end, past = _scan_object(
        at, price_decimals, tick_units, qty_decimals, lot_units, scratch, ticks, lots, level
    )
    if end < 0:
        return -1, level
    row[KIND] = _read(
        symbol_at,
        symbol_size,
        scratch,
        ticks,
        row,
    )
    keeps_levels = row[KIND] == DEPTH or row[KIND] == SNAPSHOT
    return end, past if keeps_levels else level


# ---------------------------------------------------------------- a message by itself

_SYMBOL_SIZE_AT = 4  # behind the grid
_SYMBOL_AT = 8
_MOST_SYMBOL_BYTES = 160  # 40 letters of any script
_SCRATCH_AT = _SYMBOL_AT + _MOST_SYMBOL_BYTES // 8
_ROW_AT = _SCRATCH_AT + SCRATCH_SIZE
_POOLS_AT = _ROW_AT + WIDTH


@inlined
def frame_row(wire: IntArray) -> IntArray:
    """The event that the message is: int64[WIDTH]."""
    return wire[_ROW_AT : _ROW_AT + WIDTH]


@inlined
def frame_ticks(wire: IntArray) -> IntArray:
    """The prices of its levels: int64[m]."""
    return wire[_POOLS_AT : (_POOLS_AT + wire.size) // 2]


@inlined
def frame_lots(wire: IntArray) -> IntArray:
    """Their sizes: int64[m]."""
    return wire[(_POOLS_AT + wire.size) // 2 :]


@njit
def scan_frame(raw: ByteArray, size: int, wire: IntArray) -> int:
    """Read one message into the row, its levels into the pools.

    Args:
        raw: uint8[n], the message and behind it ``PADDING``.
        size: Of the message.
        wire: Of ``new_wire``, with a level for each ``LEVEL_BYTES`` of the message.

    Returns:
        The kind of event: ``UNREAD`` where this is not a message to the letter.
    """
    base = address_of(raw)
    wire = borrowed(wire)
    row = frame_row(wire)
    end, _ = _scan(
        base,
        wire[0],
        wire[1],
        wire[2],
        wire[3],
        address_of(wire) + 8 * _SYMBOL_AT,
        wire[_SYMBOL_SIZE_AT],
        wire[_SCRATCH_AT : _SCRATCH_AT + SCRATCH_SIZE],
        row,
        frame_ticks(wire),
        frame_lots(wire),
        0,
    )
    if end >= 0 and skip_space(end) != base + size:
        row[KIND] = UNREAD
    return int(row[KIND])


def new_wire(instrument: Instrument, levels: int) -> IntArray:
    """What messages of one instrument are read with, and into: int64[n].

    The grid and the symbol, room to work, the row, and pools of so many levels.

    Raises:
        ValueError: When the symbol is longer than any of the venue's.
    """
    wire = new_ints(_POOLS_AT + 2 * levels)
    symbol = instrument.symbol.encode()
    if len(symbol) > _MOST_SYMBOL_BYTES:
        raise ValueError(f"a symbol of {len(symbol)} bytes")
    wire[:_SYMBOL_SIZE_AT], wire[_SYMBOL_SIZE_AT] = scanned_grid(instrument), len(symbol)
    wire.view(np.uint8)[8 * _SYMBOL_AT :][: len(symbol)] = scanned_symbol(instrument)
    return wire


# ---------------------------------------------------------------- the lines of a recording


@njit
def scan_lines(
    raw: ByteArray,
    at: int,
    end: int,
    line: int,
    grid: IntArray,
    symbol: ByteArray,
    scratch: IntArray,
    rows: IntArray,
    count: int,
    ticks: IntArray,
    lots: IntArray,
    level: int,
) -> tuple[int, int, int, int]:
    """Read the lines of a recording into rows, until they end or the rows are full.

    A line is ``<receive time> <message>``, where the time's 10, 13, 16 or 19 digits tell its
    unit. Blank lines are passed over, and so is a byte order mark. An ``UNREAD`` row says where
    the whole line lies, any other where its message does.

    Args:
        raw: uint8[n], whole lines, and behind them ``PADDING``.
        at: Where the first line begins.
        end: Behind the last line's newline.
        line: Number of the first line.
        rows: int64[r * WIDTH].
        count: How many rows stand there already.
        ticks: int64[m], the pool, as ``lots``: a free level for each ``LEVEL_BYTES`` to read.
        level: The next free level.

    Returns:
        ``(at, line, count, level)`` as they are now.
    """
    base = address_of(raw)
    scratch, rows, ticks, lots = (
        borrowed(scratch),
        borrowed(rows),
        borrowed(ticks),
        borrowed(lots),
    )
    price_decimals, tick_units, qty_decimals, lot_units = grid[0], grid[1], grid[2], grid[3]
    symbol_at, symbol_size = address_of(symbol), symbol.size
    most = rows.size // WIDTH
    at += base
    end += base
    while at < end and count < most:
        begin = at
        if not ZERO <= byte_at(at) <= NINE:
            at = skip_blank(at)
        if byte_at(at) == NEWLINE:
            at += 1
            line += 1
            continue
        row = rows[count * WIDTH : (count + 1) * WIDTH]
        row[KIND] = UNREAD
        row[LINE] = line
        first_level = level
        stamp, after = whole_number(at)
        row[RECV_NS] = _recv_ns(stamp, after - at)
        message_at = skip_space(after) if row[RECV_NS] > 0 else after
        if message_at > after:
            at, level = _scan(
                message_at,
                price_decimals,
                tick_units,
                qty_decimals,
                lot_units,
                symbol_at,
                symbol_size,
                scratch,
                row,
                ticks,
                lots,
                level,
            )
            row[RAW_AT], row[RAW_SIZE] = message_at - base, at - message_at
            at = skip_space(at) if at >= 0 else begin
            if byte_at(at) != NEWLINE:
                row[KIND] = UNREAD
        if row[KIND] == UNREAD:
            at, level = begin, first_level
            while byte_at(at) != NEWLINE:
                at += 1
            row[RAW_AT], row[RAW_SIZE] = begin - base, at - begin
        at += 1
        line += 1
        count += 1
    return at - base, line, count, level


@inlined
def _recv_ns(stamp: int, digits: int) -> int:
    """Our own time in nanoseconds; -1 for a number of so many digits that it is none."""
    if digits == 19:
        return stamp
    if digits == 16:
        return stamp * 1_000
    if digits == 13:
        return stamp * 1_000_000
    return stamp * 1_000_000_000 if digits == 10 else -1


def scanned_grid(instrument: Instrument) -> IntArray:
    """The grid as the kernels here take it: int64[4]."""
    return np.array([*fixed_point(instrument.price), *fixed_point(instrument.qty)], dtype=np.int64)


def scanned_symbol(instrument: Instrument) -> ByteArray:
    """The symbol as it stands in a frame: a few of the venue's are not ASCII."""
    return np.frombuffer(instrument.symbol.encode(), dtype=np.uint8)
