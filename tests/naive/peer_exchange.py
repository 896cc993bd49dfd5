"""Naive exchange of hftbacktest without partial fills, one level at a time.

Written from the replay rules, sections 4 to 7. The best prices follow the peer: a bid that
passes the best ask hides the asks that it passed, until they are updated.
"""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from exchange.binance.frames import decode
from exchange.instrument import Instrument
from exchange.market_events import DepthDiff, Snapshot, TradePrint
from exchange.market_layout import NO_ASK, NO_BID
from exchange.queue_models import QueueModel
from exchange.recording.reader import Recording
from exchange.simulation import RestingOrders
from exchange.types import Side
from tests.places import PARITY


@dataclass(frozen=True, slots=True)
class Entry:
    """An order on its way to the exchange."""

    arrival_ns: int
    side: Side
    price_ticks: int
    qty_lots: int


def peer_fills(run: str) -> list[tuple[Entry, int]]:
    """Orders of one comparison run, with the venue time of their fills.

    The request time in the file is that of the last request, which for some is a cancel
    that came too late; those say nothing of when the order came, and are left out.
    """
    latency_ns = 10_000_000
    with gzip.open(PARITY / f"fills_{run}.csv.gz", "rt") as file:
        rows = [
            (
                Entry(
                    int(row["req_ts"]) + latency_ns,
                    Side.BUY if row["side"] == "B" else Side.SELL,
                    int(row["price_tick"]),
                    3,
                ),
                int(row["exch_ts"]),
            )
            for row in csv.DictReader(file)
        ]
    return [(entry, filled_ns) for entry, filled_ns in rows if filled_ns > entry.arrival_ns]


PeerMessage: TypeAlias = DepthDiff | Snapshot | TradePrint


def market_in_exchange_order(path: Path, instrument: Instrument) -> list[PeerMessage]:
    """Depth and prints of a recording by venue time; file order breaks ties."""
    words = (decode(line.raw, instrument) for line in Recording(path))
    market = [word for word in words if isinstance(word, PeerMessage)]
    return sorted(market, key=lambda word: word.exch_ns)


class PeerExchange:
    """Replays a market once, and notes when each of the given orders fills."""

    def __init__(self, model: QueueModel, lot_size: float, entries: list[Entry]) -> None:
        self.filled_ns: dict[int, int] = {}
        """Venue time of the fill of each entry, by its place in the list."""
        self._entries = entries
        self._waiting = sorted(range(len(entries)), key=lambda i: -entries[i].arrival_ns)
        self._orders = RestingOrders(len(entries), model, 3.0, lot_size, whole_fills=True)
        self._lots: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self.best = {Side.BUY: NO_BID, Side.SELL: NO_ASK}
        """Best prices; their marks of emptiness where nobody stands."""

    def on_message(self, word: PeerMessage) -> None:
        """One event of the market; orders that were due before it are resting by then."""
        self._accept_due(word.exch_ns)
        if isinstance(word, TradePrint):
            number = self._orders.on_trade(word.aggressor, word.price_ticks, word.qty_lots)
            self._note(number, word.exch_ns)
            return
        for side, ticks, lots in (
            (Side.BUY, word.bid_ticks, word.bid_lots),
            (Side.SELL, word.ask_ticks, word.ask_lots),
        ):
            if isinstance(word, Snapshot) and ticks.size:
                self._clear(side, int(ticks[-1]))
            for price_ticks, new_lots in zip(ticks.tolist(), lots.tolist(), strict=True):
                self._set(side, price_ticks, new_lots, word.exch_ns)

    def _accept_due(self, now_ns: int) -> None:
        # Market data of the same instant goes first, so an order due now waits for it.
        while self._waiting and self._entries[self._waiting[-1]].arrival_ns < now_ns:
            key = self._waiting.pop()
            entry = self._entries[key]
            if entry.side * entry.price_ticks >= entry.side * self.best[Side(-entry.side)]:
                continue  # post-only
            ahead = self._lots[entry.side].get(entry.price_ticks, 0)
            self._orders.accept(key, entry.side, entry.price_ticks, entry.qty_lots, ahead)

    def _set(self, side: Side, price_ticks: int, new_lots: int, now_ns: int) -> None:
        old_lots = self._lots[side].pop(price_ticks, 0)
        if new_lots:
            self._lots[side][price_ticks] = new_lots
        self._orders.on_level(side, price_ticks, old_lots, new_lots)
        other = Side(-side)
        if new_lots == 0 and price_ticks == self.best[side]:
            self.best[side] = self._next(side, price_ticks)
        elif new_lots > 0 and side * price_ticks > side * self.best[side]:
            self.best[side] = price_ticks
            if side * price_ticks >= side * self.best[other]:
                self.best[other] = self._next(other, price_ticks)
            moved = (
                self._orders.on_best_bid_raised
                if side is Side.BUY
                else self._orders.on_best_ask_lowered
            )
            self._note(moved(price_ticks), now_ns)

    def _clear(self, side: Side, last_ticks: int) -> None:
        """From the best to the last price of a snapshot; what is hidden before the best stays."""
        for ticks in list(self._lots[side]):
            if side * self.best[side] >= side * ticks >= side * last_ticks:
                del self._lots[side][ticks]
        self.best[side] = self._next(side, last_ticks - side)

    def _next(self, side: Side, beyond_ticks: int) -> int:
        further = [ticks for ticks in self._lots[side] if side * ticks < side * beyond_ticks]
        if not further:
            return NO_BID if side is Side.BUY else NO_ASK
        return max(further) if side is Side.BUY else min(further)

    def _note(self, number: int, now_ns: int) -> None:
        for key, _, _ in self._orders.fills(number):
            self.filled_ns[key] = now_ns
