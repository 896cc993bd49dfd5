"""Market data wire format of one symbol: its book, its tape, its mark, its funding."""

from dataclasses import dataclass
from functools import lru_cache

from exchange.instrument import e8_text
from exchange.paper.account.orders import OrderRecord
from exchange.paper.matching.events import INSURANCE, Traded
from exchange.paper.pubsub.pubsub import Payload
from exchange.paper.tape.tape import Aggregate, Print
from exchange.paper.wire.order_wire import Wire
from exchange.types import Side

USD_M = 1
"""The venue's number for the kind of market that this is, in ``st``."""

KEPT_TEXTS = 10_000
"""Prices, and as many sizes, whose text is remembered; they come again and again."""

INTEREST_RATE = "0.00010000"

Levels = list[tuple[int, int]]
"""``(price_ticks, lots)``."""


@dataclass(frozen=True, slots=True)
class Marked:
    """Mark price and funding rate: what holders are charged by."""

    price_e8: int
    """Here the index is the same."""
    funding_rate: float
    """Of the next settlement."""
    next_funding_ms: int


@dataclass(frozen=True, slots=True)
class UpdateIds:
    """Which changes of the book one message holds."""

    first: int
    last: int
    previous: int
    """The last of the message before."""


class MarketWire:
    """The venue's spelling of one market."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.symbol = wire.symbol
        self.price = lru_cache(KEPT_TEXTS)(wire.price)
        self.qty = lru_cache(KEPT_TEXTS)(wire.qty)

    # ------------------------------------------------------------ the book

    def levels(self, levels: Levels) -> list[tuple[str, str]]:
        price, qty = self.price, self.qty
        return [(price(ticks), qty(lots)) for ticks, lots in levels]

    def depth(self, update_id: int, bids: Levels, asks: Levels, now_ms: int) -> Payload:
        """The REST snapshot."""
        return {
            "lastUpdateId": update_id,
            "E": now_ms,
            "T": now_ms,
            "bids": self.levels(bids),
            "asks": self.levels(asks),
        }

    def depth_update(
        self,
        ids: UpdateIds,
        bids: list[tuple[str, str]],
        asks: list[tuple[str, str]],
        now_ms: int,
    ) -> Payload:
        return {
            "e": "depthUpdate",
            "E": now_ms,
            "T": now_ms,
            "s": self.symbol,
            "ps": self.symbol,
            "U": ids.first,
            "u": ids.last,
            "pu": ids.previous,
            "b": bids,
            "a": asks,
            "st": USD_M,
        }

    def book_ticker(self, update_id: int, touch: tuple[int, int, int, int], now_ms: int) -> Payload:
        """The event.

        Args:
            touch: As of ``Matching.touch``.
        """
        bid_ticks, bid_lots, ask_ticks, ask_lots = touch
        return {
            "e": "bookTicker",
            "u": update_id,
            "E": now_ms,
            "T": now_ms,
            "s": self.symbol,
            "ps": self.symbol,
            "b": self.price(bid_ticks),
            "B": self.qty(bid_lots),
            "a": self.price(ask_ticks),
            "A": self.qty(ask_lots),
            "st": USD_M,
        }

    def book_ticker_row(
        self, update_id: int, touch: tuple[int, int, int, int], now_ms: int
    ) -> Payload:
        """The REST answer; arguments as of ``book_ticker``."""
        bid_ticks, bid_lots, ask_ticks, ask_lots = touch
        return {
            "symbol": self.symbol,
            "bidPrice": self.price(bid_ticks),
            "bidQty": self.qty(bid_lots),
            "askPrice": self.price(ask_ticks),
            "askQty": self.qty(ask_lots),
            "time": now_ms,
            "lastUpdateId": update_id,
        }

    # ------------------------------------------------------------ the tape

    def trade(self, trade: Traded, now_ms: int) -> Payload:
        """The event."""
        return {
            "e": "trade",
            "E": now_ms,
            "T": now_ms,
            "s": self.symbol,
            "t": trade.trade_id,
            "p": self.price(trade.price_ticks),
            "q": self.qty(trade.qty_lots),
            "X": "INSURANCE_FUND" if trade.maker_owner == INSURANCE else "MARKET",
            "m": trade.taker_side is Side.SELL,
        }

    def trade_row(self, made: Print) -> Payload:
        """The REST answer."""
        return {
            "id": made.trade_id,
            "price": self.price(made.price_ticks),
            "qty": self.qty(made.qty_lots),
            "quoteQty": self.wire.notional(made.price_ticks * made.qty_lots),
            "time": made.time_ms,
            "isBuyerMaker": made.taker_side is Side.SELL,
            "isRPITrade": False,
        }

    def aggregate(self, made: Aggregate, now_ms: int) -> Payload:
        """The event."""
        qty = self.qty(made.qty_lots)
        return {
            "e": "aggTrade",
            "E": now_ms,
            "s": self.symbol,
            "a": made.aggregate_id,
            "p": self.price(made.price_ticks),
            "q": qty,
            "nq": qty,
            "f": made.first_trade_id,
            "l": made.last_trade_id,
            "T": made.time_ms,
            "m": made.taker_side is Side.SELL,
            "st": USD_M,
        }

    def aggregate_row(self, made: Aggregate) -> Payload:
        """The REST answer."""
        event = self.aggregate(made, made.time_ms)
        return {key: event[key] for key in ("a", "p", "q", "nq", "f", "l", "T", "m")}

    # ------------------------------------------------------------ the mark

    def mark_price(self, marked: Marked, now_ms: int) -> Payload:
        """The event."""
        mark = e8_text(marked.price_e8)
        return {
            "e": "markPriceUpdate",
            "E": now_ms,
            "s": self.symbol,
            "p": mark,
            "ap": mark,
            "i": mark,
            "P": mark,
            "r": _rate(marked.funding_rate),
            "T": marked.next_funding_ms,
            "st": USD_M,
        }

    def premium_row(self, marked: Marked, now_ms: int) -> Payload:
        """The REST answer."""
        mark = e8_text(marked.price_e8)
        return {
            "symbol": self.symbol,
            "markPrice": mark,
            "indexPrice": mark,
            "estimatedSettlePrice": mark,
            "lastFundingRate": _rate(marked.funding_rate),
            "interestRate": INTEREST_RATE,
            "nextFundingTime": marked.next_funding_ms,
            "time": now_ms,
        }

    def funding_row(self, time_ms: int, rate: float, mark_e8: int) -> Payload:
        """One settlement of the past."""
        return {
            "symbol": self.symbol,
            "fundingRate": _rate(rate),
            "fundingTime": time_ms,
            "markPrice": e8_text(mark_e8),
            "rateType": "Regular",
        }

    # ------------------------------------------------------------ the contract

    def contract_info(self, status: str, now_ms: int) -> Payload:
        """The event: the symbol's status has changed."""
        info = self.wire.symbol_info(status)
        return {
            "e": "contractInfo",
            "E": now_ms,
            "s": self.symbol,
            "ps": self.symbol,
            "ct": info["contractType"],
            "dt": info["deliveryDate"],
            "ot": info["onboardDate"],
            "cs": status,
            "st": USD_M,
        }

    # ------------------------------------------------------------ liquidations

    def liquidation(self, order: OrderRecord, now_ms: int) -> Payload:
        """The event: a position was closed by the venue."""
        filled = self.qty(order.filled_lots)
        return {
            "e": "forceOrder",
            "E": now_ms,
            "o": {
                "s": self.symbol,
                "S": order.side.name,
                "o": "LIMIT",
                "f": order.time_in_force.value,
                "q": self.qty(order.qty_lots),
                "p": self.price(order.price_ticks),
                "ap": self.wire.average_price(order),
                "X": order.status,
                "l": filled,
                "z": filled,
                "T": order.updated_ms,
            },
        }

    def liquidation_to_all(self, order: OrderRecord, now_ms: int) -> Payload:
        """The same as the stream of all symbols has it."""
        return self.liquidation(order, now_ms) | {"ps": self.symbol, "st": USD_M}


def _rate(rate: float) -> str:
    return f"{rate:.8f}"
