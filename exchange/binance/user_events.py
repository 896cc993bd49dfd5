"""User data decoder: the account's own events, from the venue's spelling to our types.

``TRADE_LITE`` reports a fill some milliseconds early but without its fee or the order's
status, so that it could only ever be half a ``Fill``; the full event with the same trade id
always follows, and it alone is used.

What the venue says of our position is never refused for its form: its own orders (liquidation,
deleveraging, settlement) have prices off the tick, which are counted to the nearest tick.

``fee_e8`` counts the quote asset. A fee taken in another asset (BNB) leaves the quote wallet
alone, and is 0 here: profit still reconciles to the wallet, and the BNB spent is not in it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from exchange.errors import Garbled, OffGrid
from exchange.instrument import DecimalGrid, Instrument, e8_from_text
from exchange.types import (
    AccountUpdate,
    Event,
    Fill,
    ListenKeyExpired,
    OrderStatus,
    OrderUpdate,
    Side,
)

NS_PER_MS = 1_000_000

_STATUS_NAMES = {
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,  # self-trade prevention
    "NEW_INSURANCE": OrderStatus.NEW,  # liquidation and deleveraging orders
    "NEW_ADL": OrderStatus.NEW,
}
FORCED = (
    ("autoclose-", "liquidated"),
    ("adl_autoclose", "deleveraged"),
    ("settlement_autoclose-", "settled"),
)
"""How client ids of the venue's own orders on our account begin, and what they are."""
_NONSENSE = (OffGrid, KeyError, TypeError, ValueError, AttributeError)


def decode(raw: bytes, instrument: Instrument, recv_ns: int, mono_ns: int) -> list[Event]:
    """The events that one private frame holds for our symbol, fills before their order.

    Args:
        raw: The frame, bare or wrapped in a combined stream's envelope.
        instrument: Whose events to keep.
        recv_ns: Our wall clock at arrival.
        mono_ns: Our monotonic clock at arrival.

    Raises:
        Garbled: When the frame is not what the protocol promises.
    """
    try:
        message = orjson.loads(raw)
        message = message.get("data", message)
        match message.get("e"):
            case "ORDER_TRADE_UPDATE":
                return _order_events(message, instrument, recv_ns, mono_ns)
            case "ACCOUNT_UPDATE":
                return _account_events(message, instrument, recv_ns, mono_ns)
            case "listenKeyExpired":
                return [ListenKeyExpired(recv_ns=recv_ns, mono_ns=mono_ns)]
            case _:
                return []
    except _NONSENSE as error:
        raise Garbled("private event", raw) from error


def order_update_from_rest(
    row: Mapping[str, Any], instrument: Instrument, recv_ns: int, mono_ns: int
) -> OrderUpdate:
    """An order as an acknowledgement or a record gives it.

    Raises:
        Garbled: When a field is missing or off the grid.
    """
    try:
        return OrderUpdate(
            recv_ns=recv_ns,
            mono_ns=mono_ns,
            client_order_id=row["clientOrderId"],
            venue_order_id=row["orderId"],
            side=Side[row["side"]],
            status=_status(row["status"]),
            price_ticks=_nearest(instrument.price, row["price"])[0],
            qty_lots=_nearest(instrument.qty, row["origQty"])[0],
            filled_lots=_nearest(instrument.qty, row["executedQty"])[0],
            exch_ns=row["updateTime"] * NS_PER_MS,
        )
    except _NONSENSE as error:
        raise Garbled("order", str(dict(row))) from error


def order_has_ended(row: Mapping[str, Any]) -> bool:
    """Does the record of an order say that it is over? Nothing else of it is read.

    Raises:
        Garbled: When it has no status, or one that nobody knows.
    """
    try:
        return _status(row["status"]).final
    except _NONSENSE as error:
        raise Garbled("order", str(dict(row))) from error


def fill_from_rest(
    row: Mapping[str, Any],
    client_order_id: str,
    instrument: Instrument,
    recv_ns: int,
    mono_ns: int,
) -> Fill:
    """A fill as the list of own trades gives it.

    Args:
        row: One trade.
        client_order_id: Trades name only the venue's order id; the caller knows ours.
        instrument: Whose grid to count on.
        recv_ns: Our wall clock at arrival.
        mono_ns: Our monotonic clock at arrival.

    Raises:
        Garbled: When a field is missing or off the grid.
    """
    try:
        price_ticks, beyond_e8 = _nearest(instrument.price, row["price"])
        qty_lots = _nearest(instrument.qty, row["qty"])[0]
        return Fill(
            recv_ns=recv_ns,
            mono_ns=mono_ns,
            trade_id=row["id"],
            client_order_id=client_order_id,
            side=Side[row["side"]],
            price_ticks=price_ticks,
            off_tick_e8=instrument.value_e8(qty_lots, beyond_e8),
            qty_lots=qty_lots,
            maker=row["maker"],
            fee_e8=_fee_e8(row.get("commission"), row.get("commissionAsset"), instrument),
            exch_ns=row["time"] * NS_PER_MS,
            forced=_forced(client_order_id),
        )
    except _NONSENSE as error:
        raise Garbled("own trade", str(dict(row))) from error


def is_quote_asset(asset: str, instrument: Instrument) -> bool:
    """Is this the asset that the contract is priced and settled in?"""
    return instrument.symbol.endswith(asset)


def _order_events(
    message: Mapping[str, Any], instrument: Instrument, recv_ns: int, mono_ns: int
) -> list[Event]:
    order = message["o"]
    if order["s"] != instrument.symbol:
        return []
    update = OrderUpdate(
        recv_ns=recv_ns,
        mono_ns=mono_ns,
        client_order_id=order["c"],
        venue_order_id=order["i"],
        side=Side[order["S"]],
        status=_status(order["X"]),
        price_ticks=_nearest(instrument.price, order["p"])[0],
        qty_lots=_nearest(instrument.qty, order["q"])[0],
        filled_lots=_nearest(instrument.qty, order["z"])[0],
        exch_ns=message["T"] * NS_PER_MS,
    )
    if order["x"] not in ("TRADE", "CALCULATED") or order["t"] <= 0:
        return [update]
    price_ticks, beyond_e8 = _nearest(instrument.price, order["L"])
    qty_lots = _nearest(instrument.qty, order["l"])[0]
    fill = Fill(
        recv_ns=recv_ns,
        mono_ns=mono_ns,
        trade_id=order["t"],
        client_order_id=order["c"],
        side=update.side,
        price_ticks=price_ticks,
        off_tick_e8=instrument.value_e8(qty_lots, beyond_e8),
        qty_lots=qty_lots,
        maker=order["m"],
        fee_e8=_fee_e8(order.get("n"), order.get("N"), instrument),
        exch_ns=order["T"] * NS_PER_MS,
        forced=_forced(order["c"]),
    )
    return [fill, update]


def _account_events(
    message: Mapping[str, Any], instrument: Instrument, recv_ns: int, mono_ns: int
) -> list[Event]:
    account, symbol = message["a"], instrument.symbol
    position = next(
        (
            row
            for row in account.get("P", ())
            if row["s"] == instrument.symbol and row["ps"] == "BOTH"
        ),
        None,
    )
    balance = next(
        (row for row in account.get("B", ()) if is_quote_asset(row["a"], instrument)), None
    )
    if position is None and balance is None:
        return []
    update = AccountUpdate(
        recv_ns=recv_ns,
        mono_ns=mono_ns,
        position_lots=_nearest(instrument.qty, position["pa"])[0] if position else None,
        entry_price_e8=e8_from_text(position["ep"]) if position else 0,
        wallet_e8=e8_from_text(balance["wb"]) if balance else None,
        moved_e8=e8_from_text(balance.get("bc", "0")) if balance else 0,
        reason=account["m"] if account.get("S", symbol) == symbol else f"{account['m']} elsewhere",
        exch_ns=message["T"] * NS_PER_MS,
    )
    return [update]


class Position(NamedTuple):
    """A position as of its last change."""

    lots: int
    exch_ns: int
    """0: the venue lists no position, and gives no date."""
    entry_price_e8: int


FLAT = Position(lots=0, exch_ns=0, entry_price_e8=0)


def position_from_rest(row: Mapping[str, Any], instrument: Instrument) -> Position:
    """A row of the position risk.

    Raises:
        Garbled: When a field is missing or no number.
    """
    try:
        return Position(
            lots=_nearest(instrument.qty, row["positionAmt"])[0],
            exch_ns=row["updateTime"] * NS_PER_MS,
            entry_price_e8=e8_from_text(row["entryPrice"]),
        )
    except _NONSENSE as error:
        raise Garbled("position", str(dict(row))) from error


class Wallet(NamedTuple):
    """The balance of the quote asset as of its last change."""

    balance_e8: int
    exch_ns: int
    """0: undated."""


def wallet_from_rest(row: Mapping[str, Any]) -> Wallet:
    """A row of the balances.

    Raises:
        Garbled: When a field is missing or no number.
    """
    try:
        return Wallet(e8_from_text(row["balance"]), row.get("updateTime", 0) * NS_PER_MS)
    except _NONSENSE as error:
        raise Garbled("balance", str(dict(row))) from error


def _nearest(grid: DecimalGrid, text: str) -> tuple[int, int]:
    """Steps of a text on the grid, which almost all are; else the nearest, with what is beyond."""
    try:
        return grid.count(text), 0
    except OffGrid:
        return grid.nearest(text)


def _forced(client_order_id: str) -> str:
    return next((word for start, word in FORCED if client_order_id.startswith(start)), "")


def _status(text: str) -> OrderStatus:
    return _STATUS_NAMES.get(text) or OrderStatus(text)


def _fee_e8(amount: str | None, asset: str | None, instrument: Instrument) -> int:
    if not amount or not asset or not is_quote_asset(asset, instrument):
        return 0
    return e8_from_text(amount)
