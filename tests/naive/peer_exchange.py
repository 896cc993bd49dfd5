"""Naive exchange of hftbacktest without partial fills, one level and one order at a time.

Written from the replay rules, sections 4 to 7. The best prices follow the peer: a bid that
passes the best ask hides the asks that it passed, until they are updated, and the next best is
searched as far as the furthest level set since the side was last empty. Queues are contracts.
"""

import csv
import gzip
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import numpy as np

from exchange.binance.frames import decode
from exchange.instrument import Instrument
from exchange.market_events import DepthDiff, Snapshot, TradePrint
from exchange.market_layout import NO_ASK, NO_BID
from exchange.queue_models import QueueModel
from exchange.recording.reader import Recording
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


@dataclass(slots=True)
class _Order:
    """One that rests."""

    key: int
    side: Side
    price_ticks: int
    front: float
    printed: float = 0.0


class PeerExchange:
    """Replays a market once, and notes when each of the given orders fills."""

    def __init__(
        self, model: QueueModel, power: float, lot_size: str, entries: list[Entry]
    ) -> None:
        self.filled_ns: dict[int, int] = {}
        """Venue time of the fill of each entry, by its place in the list."""
        self._entries = entries
        self._waiting = sorted(range(len(entries)), key=lambda i: -entries[i].arrival_ns)
        self._model, self._power, self._lot = model, power, Fraction(lot_size)
        self._orders: list[_Order] = []
        self._lots: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self._furthest: dict[Side, float] = {side: side * math.inf for side in Side}
        self.best = {Side.BUY: NO_BID, Side.SELL: NO_ASK}
        """Best prices; their marks of emptiness where nobody stands."""

    def on_message(self, word: PeerMessage) -> None:
        """One event of the market; orders that were due before it are resting by then."""
        self._accept_due(word.exch_ns)
        if isinstance(word, TradePrint):
            self._print(word)
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
            self._orders.append(_Order(key, entry.side, entry.price_ticks, self._contracts(ahead)))

    def _contracts(self, lots: int) -> float:
        return float(lots * self._lot)

    def _print(self, seen: TradePrint) -> None:
        side, qty = Side(-seen.aggressor), self._contracts(seen.qty_lots)
        for order in [order for order in self._orders if order.side is side]:
            if order.price_ticks == seen.price_ticks:
                order.front -= qty
                order.printed += qty
                if -order.front / float(self._lot) >= 0.5:
                    self._fill(order, seen.exch_ns)
            elif side * order.price_ticks > side * seen.price_ticks:
                self._fill(order, seen.exch_ns)

    def _fill(self, order: _Order, now_ns: int) -> None:
        self._orders.remove(order)
        self.filled_ns[order.key] = now_ns

    def _set(self, side: Side, price_ticks: int, new_lots: int, now_ns: int) -> None:
        old_lots = self._lots[side].pop(price_ticks, 0)
        if new_lots:
            self._lots[side][price_ticks] = new_lots
        for order in self._orders:
            if (order.side, order.price_ticks) == (side, price_ticks):
                self._age(order, self._contracts(old_lots), self._contracts(new_lots))
        other = Side(-side)
        if new_lots == 0:
            if price_ticks == self.best[side]:
                self.best[side] = self._next(side, price_ticks)
                self._forget_furthest_if_empty(side)
            return
        if side * price_ticks > side * self.best[side]:
            self.best[side] = price_ticks
            if side * price_ticks >= side * self.best[other]:
                self.best[other] = self._next(other, price_ticks)
            for order in [order for order in self._orders if order.side is other]:
                if side * price_ticks >= side * order.price_ticks:
                    self._fill(order, now_ns)
        self._furthest[side] = side * min(side * self._furthest[side], side * price_ticks)

    def _age(self, order: _Order, old: float, new: float) -> None:
        cancelled, order.printed = old - new - order.printed, 0.0
        if self._model is QueueModel.RISK_AVERSE or cancelled < 0.0:
            order.front = min(order.front, new)
            return
        front, back = order.front, old - order.front
        behind = self._share_behind(front, back)
        estimated = front - (1.0 - behind) * cancelled + min(back - behind * cancelled, 0.0)
        order.front = new if math.isnan(estimated) else min(estimated, new)

    def _share_behind(self, front: float, back: float) -> float:
        n, f, b = self._power, np.float64(front), np.float64(back)
        with np.errstate(all="ignore"):
            match self._model:
                case QueueModel.LOG:
                    share = np.log1p(b) / (np.log1p(b) + np.log1p(f))
                case QueueModel.LOG2:
                    share = np.log1p(b) / np.log1p(b + f)
                case QueueModel.POWER:
                    share = b**n / (b**n + f**n)
                case QueueModel.POWER2:
                    share = b**n / (b + f) ** n
                case _:
                    share = 1.0 - (f / (f + b)) ** n
        return 1.0 if np.isinf(share) else float(share)

    def _clear(self, side: Side, last_ticks: int) -> None:
        """From the best to the last price of a snapshot; what is hidden before the best stays."""
        for ticks in list(self._lots[side]):
            if side * self.best[side] >= side * ticks >= side * last_ticks:
                del self._lots[side][ticks]
        self.best[side] = self._next(side, last_ticks - side)
        self._forget_furthest_if_empty(side)

    def _forget_furthest_if_empty(self, side: Side) -> None:
        if self.best[side] in (NO_BID, NO_ASK):
            self._furthest[side] = side * math.inf

    def _next(self, side: Side, beyond_ticks: int) -> int:
        last = side * self._furthest[side]
        further = [t for t in self._lots[side] if last <= side * t < side * beyond_ticks]
        if not further:
            return NO_BID if side is Side.BUY else NO_ASK
        return max(further) if side is Side.BUY else min(further)
