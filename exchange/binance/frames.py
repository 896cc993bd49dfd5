"""Market message decoder: the venue's JSON to structs of integers.

The venue's spellings and its decimal strings end here. Prices become ticks and sizes lots
by exact integer arithmetic; times become nanoseconds. What is well formed but not ours to
read becomes ``Ignored``; what makes no sense raises ``Garbled``.
"""

import functools
import re
from typing import Any, NoReturn

import numpy as np
import orjson

from exchange.errors import Garbled, OffGrid
from exchange.instrument import DecimalGrid, Instrument, e8_from_text
from exchange.jit import IntArray, njit
from exchange.market_events import (
    DepthDiff,
    Ignored,
    MarketMessage,
    MarkPrice,
    Snapshot,
    TouchUpdate,
    TradePrint,
)
from exchange.types import Side

_NS_PER_MS = 1_000_000
_MS_DIGITS = 13
_NS_PER_UNIT = {10: 1_000_000_000, _MS_DIGITS: _NS_PER_MS, 16: 1_000, 19: 1}
"""By digits. Fewer than 13 that are not 10 are milliseconds of long ago."""
_NOT_A_DIFF = re.compile(r"@(depth\d|rpiDepth)")
"""Streams that say ``depthUpdate`` but are no part of the diff sequence."""
_MOST_STEPS = 10**18
"""Of a price or size; the marks of an empty side lie beyond."""
_LARGEST_BEFORE_DIGIT = (2**63 - 1 - 9) // 10  # one digit more must still fit an int64

_ZERO, _NINE, _POINT, _SPACE, _COMMA = (ord(char) for char in "09. ,")
# What the level kernel answers; see its docstring.
_FINE, _NOT_DECIMAL, _PRICE_OFF_GRID, _LOTS_OFF_GRID = range(4)


def decode(raw: bytes, instrument: Instrument) -> MarketMessage:
    """One market message, combined framing or bare.

    Args:
        raw: A websocket text frame, or the body of a depth snapshot as recordings hold it.
        instrument: Messages of any other symbol are ignored.

    Raises:
        Garbled: When the bytes are no such message, or a number is off the instrument's grid.
    """
    message = _parse(raw)
    body = message.get("data", message)
    if not isinstance(body, dict):
        return Ignored("not a single event")
    try:
        return _read(message, body, instrument)
    except OffGrid as error:
        raise Garbled(_off_grid_text(error.text, instrument), raw) from error
    except KeyError as error:
        raise Garbled(f"it has no field {error}", raw) from error
    except (TypeError, ValueError) as error:
        raise Garbled(f"a field is wrong: {error}", raw) from error


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Garbled("not JSON", raw) from error
    if not isinstance(message, dict):
        raise Garbled("not a JSON object", raw)
    return message


def _read(message: dict[str, Any], body: dict[str, Any], instrument: Instrument) -> MarketMessage:
    kind = body.get("e")
    if kind is None:
        return _read_nameless(body, instrument)
    if kind not in _READERS:
        return Ignored(f"{kind} events are not read")
    if body["s"] != instrument.symbol:
        return Ignored(f"about {body['s']}")
    if kind == "depthUpdate" and _NOT_A_DIFF.search(message.get("stream", "")):
        return Ignored("a partial book, not a diff")
    market_message: MarketMessage = _READERS[kind](body, instrument)
    return market_message


def _read_nameless(body: dict[str, Any], instrument: Instrument) -> MarketMessage:
    """Messages without an event name: snapshots, spot's ticker, answers to subscriptions."""
    if "lastUpdateId" in body:
        symbol = body.get("symbol", instrument.symbol)
        if symbol != instrument.symbol:
            return Ignored(f"about {symbol}")
        return Snapshot(
            _whole(body["lastUpdateId"]),
            _exch_ns(body) if "E" in body or "T" in body else 0,
            *_levels(body["bids"], body["asks"], instrument),
        )
    if "result" in body or "error" in body:
        return Ignored("an answer to a subscription")
    if "code" in body and "msg" in body:
        return Ignored("a refusal, which collectors record in place of a snapshot")
    if body["s"] != instrument.symbol:
        return Ignored(f"about {body['s']}")
    return _read_touch(body, instrument)


def _read_depth(body: dict[str, Any], instrument: Instrument) -> MarketMessage:
    first_id = _whole(body["U"])
    return DepthDiff(
        first_id,
        _whole(body["u"]),
        # Spot names no predecessor: there, ids are dense.
        _whole(body["pu"]) if "pu" in body else first_id - 1,
        _exch_ns(body),
        *_levels(body["b"], body["a"], instrument),
    )


def _read_trade(body: dict[str, Any], instrument: Instrument) -> MarketMessage:
    origin = body.get("X", "MARKET")
    if origin != "MARKET":
        return Ignored(f"a print of {origin}, not of the market")
    qty_lots = _steps_in(instrument.qty, body["q"])
    if qty_lots == 0:
        return Ignored("a print of size zero")
    price_ticks = _steps_in(instrument.price, body["p"])
    if qty_lots < 0 or price_ticks <= 0:
        raise ValueError("a print needs a positive price and size")
    buyer_was_maker = body["m"]
    if not isinstance(buyer_was_maker, bool):
        raise TypeError("m is not a truth value")
    return TradePrint(
        _whole(body["t"] if body["e"] == "trade" else body["a"]),
        _exch_ns(body),
        price_ticks,
        qty_lots,
        Side.SELL if buyer_was_maker else Side.BUY,
        body["e"] == "aggTrade",
    )


def _read_touch(body: dict[str, Any], instrument: Instrument) -> MarketMessage:
    bid_ticks, ask_ticks = (_steps_in(instrument.price, body[key]) for key in "ba")
    bid_lots, ask_lots = (_steps_in(instrument.qty, body[key]) for key in "BA")
    if min(bid_ticks, bid_lots, ask_ticks, ask_lots) < 0:
        raise ValueError("a negative price or size")
    if (bid_lots > 0 and bid_ticks == 0) or (ask_lots > 0 and ask_ticks == 0):
        raise ValueError("a size at a price of nothing")
    if bid_lots > 0 and ask_lots > 0 and bid_ticks >= ask_ticks:
        raise ValueError("bid at or above ask")
    return TouchUpdate(
        _whole(body["u"]),
        _exch_ns(body) if "E" in body or "T" in body else 0,
        bid_ticks,
        bid_lots,
        ask_ticks,
        ask_lots,
    )


def _read_mark(body: dict[str, Any], instrument: Instrument) -> MarketMessage:
    mark_e8 = _e8(body["p"])
    if mark_e8 <= 0:
        raise ValueError("a mark price must be positive")
    rate = body.get("r", "")
    return MarkPrice(
        _stamp_ns(body["E"]),
        mark_e8,
        None if rate == "" else _e8(rate),
        # Here, and only here, T is a time still to come.
        _stamp_ns(body["T"]) if "T" in body else 0,
    )


_READERS = {
    "depthUpdate": _read_depth,
    "bookTicker": _read_touch,
    "trade": _read_trade,
    "aggTrade": _read_trade,
    "markPriceUpdate": _read_mark,
}


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _steps_in(grid: DecimalGrid, text: str) -> int:
    steps = grid.count(text)
    if abs(steps) >= _MOST_STEPS:
        raise ValueError(f"{text!r} is too large")
    return steps


def _exch_ns(body: dict[str, Any]) -> int:
    """The matching engine's time, or the event's where only that is given."""
    stamp = body.get("T")
    return _stamp_ns(body["E"] if stamp is None else stamp)


def _stamp_ns(value: Any) -> int:
    """A time of the venue; the number of its digits tells the unit."""
    stamp = _whole(value)
    digits = len(str(stamp))
    scale = _NS_PER_UNIT.get(digits)
    if scale is None and digits > _MS_DIGITS:
        raise ValueError(f"{stamp} is no time: 10, 13, 16 or 19 digits tell the unit")
    return stamp * (scale or _NS_PER_MS)


def _e8(text: Any) -> int:
    """A decimal text in 1e-8, digits beyond cut."""
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is not a decimal text")
    try:
        return e8_from_text(text)
    except OffGrid as error:
        raise ValueError(f"{text!r} is not a decimal") from error


def _off_grid_text(text: str, instrument: Instrument) -> str:
    return (
        f"{text!r} is not a decimal on the grid of {instrument.symbol} "
        f"(tick size {instrument.price.step}, lot size {instrument.qty.step}); where those are "
        "not its own, set instrument.tick_size and instrument.lot_size"
    )


@functools.lru_cache(maxsize=64)
def fixed_point(grid: DecimalGrid) -> tuple[int, int]:
    """``(decimals, units)``: the step is ``units`` of the last of ``decimals`` digits."""
    return grid.decimals, int(grid.step.replace(".", ""))


def _levels(
    bids: list[list[str]], asks: list[list[str]], instrument: Instrument
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Lists of ``[price, size]`` texts as ``(bid_ticks, bid_lots, ask_ticks, ask_lots)``."""
    pairs = bids + asks
    if any(type(pair) is not list or len(pair) != 2 for pair in pairs):
        raise ValueError("a level is not a price and a size")
    ticks, lots = np.empty((2, len(pairs)), dtype=np.int64)
    if pairs:
        # One text and one compiled pass over it: a Python call for each of some 140 numbers
        # would cost more than everything else that a message goes through.
        text = ",".join(map(" ".join, pairs)) + ","
        codes = np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64)
        fault, level = parse_levels(
            codes, *fixed_point(instrument.price), *fixed_point(instrument.qty), ticks, lots
        )
        if fault != _FINE:
            _explain_fault(fault, pairs[min(level, len(pairs) - 1)], instrument)
        if max(int(ticks.max()), int(lots.max())) >= _MOST_STEPS:
            raise ValueError("a price or size is too large")
    split = len(bids)
    return ticks[:split], lots[:split], ticks[split:], lots[split:]


def _explain_fault(fault: int, pair: list[str], instrument: Instrument) -> NoReturn:
    if fault == _PRICE_OFF_GRID:
        raise OffGrid(pair[0], instrument.price.step)
    if fault == _LOTS_OFF_GRID:
        raise OffGrid(pair[1], instrument.qty.step)
    raise ValueError(f"{pair!r} is not a price and a size")


@njit
def _steps(units: int, missing_decimals: int, step_units: int) -> int:
    """Whole steps in a fixed-point number; -1 when it is too large, -2 when off the grid."""
    for _ in range(missing_decimals):
        if units > _LARGEST_BEFORE_DIGIT:
            return -1
        units *= 10
    return units // step_units if units % step_units == 0 else -2


@njit
def parse_levels(
    text: IntArray,
    price_decimals: int,
    tick_units: int,
    qty_decimals: int,
    lot_units: int,
    out_ticks: IntArray,
    out_lots: IntArray,
) -> tuple[int, int]:
    """Read ``price size,price size,`` into ticks and lots, exactly.

    Args:
        text: int64[n], ASCII codes; each number plain digits with at most one point.
        price_decimals: Digits after the point on the price grid.
        tick_units: The tick size in units of the last of those digits.
        qty_decimals: The same for sizes.
        lot_units: The same for sizes.
        out_ticks: int64[levels]; each is at least 1.
        out_lots: int64[levels]; each is at least 0.

    Returns:
        ``(fault, level)``: ``_FINE`` when all was read; ``_NOT_DECIMAL`` at a level that is no
        pair of plain decimals, or when their number is not that of the out arrays;
        ``_PRICE_OFF_GRID`` or ``_LOTS_OFF_GRID``.
    """
    level = 0
    is_price = True
    units = 0
    digits = 0
    fraction_digits = -1  # below zero until the point is met
    for i in range(text.size):
        code = text[i]
        decimals = price_decimals if is_price else qty_decimals
        off_grid = _PRICE_OFF_GRID if is_price else _LOTS_OFF_GRID
        if _ZERO <= code <= _NINE:
            if fraction_digits >= decimals:
                if code != _ZERO:
                    return off_grid, level
                continue
            if units > _LARGEST_BEFORE_DIGIT:
                return _NOT_DECIMAL, level
            units = units * 10 + (code - _ZERO)
            digits += 1
            if fraction_digits >= 0:
                fraction_digits += 1
        elif code == _POINT and fraction_digits < 0:
            fraction_digits = 0
        elif code == (_SPACE if is_price else _COMMA) and digits > 0 and level < out_ticks.size:
            missing = decimals - max(fraction_digits, 0)
            steps = _steps(units, missing, tick_units if is_price else lot_units)
            if steps < (1 if is_price else 0):
                return off_grid if steps == -2 else _NOT_DECIMAL, level
            if is_price:
                out_ticks[level] = steps
            else:
                out_lots[level] = steps
                level += 1
            is_price = not is_price
            units = 0
            digits = 0
            fraction_digits = -1
        else:
            return _NOT_DECIMAL, level
    return (_FINE if level == out_ticks.size and is_price else _NOT_DECIMAL), level
