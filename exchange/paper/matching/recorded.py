"""A recorded market that accounts trade in: who gets what, by queue position.

The published book is what the recording shows together with the accounts' resting orders.
Theirs fill as in a replay: behind the lots that stood at their price before them, and in
full where a print went past them or a touch moved onto them. Nobody in the recording ever
hears of them, so a fill adds to the tape only what the recording's own print does not
cover: of a print that fills an order the rest is published as background, and the volume
stays the recording's; a touch that moves onto an order prints once more.

A taker walks the published book. At each price the recorded lots come first, then the
accounts' orders by age. What it took of a recorded level stays taken until the recording
next speaks of that level, so that nobody buys the same lots twice.

The book is trusted from its first snapshot until a gap, and again from the next snapshot
on; where none comes it grows from the diffs, as ``exchange.recorded_book`` says. While it
is not, or once the recording is over, orders can only be cancelled: the book stands as it
was last known, and prints go past every order. What the market moved onto meanwhile fills
when its book is next known.
"""

from collections import Counter

import numpy as np

from exchange.binance import depth_sync, frames
from exchange.errors import InvariantBroken
from exchange.instrument import Instrument
from exchange.paper.matching.events import (
    BACKGROUND,
    Expiry,
    MatchEvent,
    Owner,
    Resting,
    SelfTrade,
    Traded,
    lots_given,
    reaches,
    same_account,
)
from exchange.paper.matching.order_book import OrderBook
from exchange.queue_models import QUEUE_MODELS, QueueModelName
from exchange.recorded_book import RecordedBook
from exchange.simulation import RestingOrders
from exchange.types import Side

NO_ORDER_ID = 0
"""Stands for every order of the background: a recording does not tell them apart."""


class _RecordedSide:
    """What accounts added to one side of the recorded book, and what they took from it."""

    __slots__ = ("_best", "dirty", "levels", "lots", "side", "taken")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.levels: dict[int, dict[int, Resting]] = {}
        """The accounts' orders by price, each price in order of age."""
        self.lots: dict[int, int] = {}
        """Theirs together, by price."""
        self.taken: dict[int, int] = {}
        """Recorded lots by price, each no more than the recording shows there."""
        self.dirty: set[int] = set()
        self._best: int | None = None

    @property
    def best_ticks(self) -> int | None:
        """Of the accounts' orders alone."""
        if self._best is None and self.levels:
            self._best = max(self.levels, key=self.side.__mul__)
        return self._best

    def add(self, order: Resting) -> None:
        price_ticks = order.price_ticks
        self.levels.setdefault(price_ticks, {})[order.venue_order_id] = order
        self.lots[price_ticks] = self.lots.get(price_ticks, 0) + order.left_lots
        if self._best is not None and self.side * price_ticks > self.side * self._best:
            self._best = price_ticks

    def lower(self, order: Resting, left_lots: int) -> None:
        """Leave so much of an order; nothing takes it out."""
        price_ticks = order.price_ticks
        self.lots[price_ticks] -= order.left_lots - left_lots
        order.left_lots = left_lots
        if left_lots:
            return
        level = self.levels[price_ticks]
        del level[order.venue_order_id]
        if not level:
            del self.levels[price_ticks], self.lots[price_ticks]
            self._best = None


class RecordedMatching(OrderBook):
    """The matching engine of a recorded market; a ``OrderBook``.

    Args:
        queue: Who is taken to have cancelled ahead of an account's order.
        first_id: As of ``Matching``.
    """

    def __init__(self, instrument: Instrument, queue: QueueModelName, first_id: int = 1) -> None:
        super().__init__(first_id)
        self._table = RestingOrders(256, *QUEUE_MODELS[queue], instrument.qty.value)
        self._recorded = RecordedBook(self._table)
        self._orders: dict[int, Resting] = {}
        self._halves = {Side.BUY: _RecordedSide(Side.BUY), Side.SELL: _RecordedSide(Side.SELL)}
        self._over = False

    # ------------------------------------------------------------ questions

    @property
    def open(self) -> bool:
        """Whether anything can trade."""
        return self._recorded.sync.trusted and not self._over

    @property
    def best_bid_ticks(self) -> int | None:
        return self._best(Side.BUY)

    @property
    def best_ask_ticks(self) -> int | None:
        return self._best(Side.SELL)

    @property
    def recorded_mid_ticks(self) -> float | None:
        """Of the recording alone; None while a side of it is empty."""
        return self._recorded.mid_ticks

    def lots_at(self, side: Side, price_ticks: int) -> int:
        """Everything that is published at a price; 0 when nobody rests there."""
        return self._shown(side, price_ticks) + self._halves[side].lots.get(price_ticks, 0)

    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]:
        """``(price_ticks, lots)``, best first."""
        book, half = self._recorded.book, self._halves[side]
        count = book.level_count if limit is None else limit + len(half.taken)
        ticks, lots = np.zeros((2, count), dtype=np.int64)
        found = book.top(side, count, ticks, lots)
        shown = dict(zip(ticks[:found].tolist(), lots[:found].tolist(), strict=True))
        for price_ticks in half.taken.keys() & shown.keys():
            shown[price_ticks] -= half.taken[price_ticks]
        for price_ticks, more in half.lots.items():
            shown[price_ticks] = shown.get(price_ticks, 0) + more
        best_first = sorted(shown, key=(-side).__mul__)
        return [(price, shown[price]) for price in best_first if shown[price]][:limit]

    def resting(self, venue_order_id: int) -> Resting | None:
        return self._orders.get(venue_order_id)

    # ------------------------------------------------------------ orders

    def shrink(self, venue_order_id: int, left_lots: int) -> None:
        """Lower what is left of a resting order; its place in the queue stays.

        Args:
            left_lots: At least 1, and no more than is left now.
        """
        order = self._orders[venue_order_id]
        if not 1 <= left_lots <= order.left_lots:
            raise InvariantBroken(f"cannot shrink {order.left_lots} lots to {left_lots}")
        self._table.shrink(venue_order_id, left_lots)
        self._lower(order, left_lots)

    # ------------------------------------------------------------ the recording

    def on_message(self, message: frames.MarketMessage) -> list[MatchEvent]:
        """One message of the recording takes effect."""
        if isinstance(message, frames.TradePrint):
            return self._on_print(message)
        events: list[MatchEvent] = []
        for action in self._recorded.receive(message):
            self._note_levels(action)
            for key, lots, _ in self._recorded.write(action):
                order = self._orders[key]
                self._fill(order, lots, Side(-order.side), events)
        if self._recorded.book.crossed:
            self._recorded.sync.lost()
        for side in Side:
            self._meet_quotes(side, events)
        return events

    def close(self) -> None:
        """The recording is over: from now on orders can only be cancelled."""
        self._over = True

    def _on_print(self, message: frames.TradePrint) -> list[MatchEvent]:
        events: list[MatchEvent] = []
        left_lots = message.qty_lots
        filled = self._recorded.on_message(message) if self.open else []
        for key, lots, _ in filled:
            left_lots -= self._fill(self._orders[key], lots, message.aggressor, events)
        if left_lots > 0:
            events.append(
                self._traded(message.price_ticks, left_lots, message.aggressor, None, None)
            )
        return events

    def _note_levels(self, action: depth_sync.SyncAction) -> None:
        """Before it is written: what it speaks of is as it says, whatever takers took."""
        told: frames.DepthDiff | frames.Snapshot
        bids, asks = self._halves[Side.BUY], self._halves[Side.SELL]
        match action:
            case depth_sync.ResetBook(snapshot=snapshot):
                told = snapshot
                for half in bids, asks:
                    half.dirty.update(price for price, _ in self.levels(half.side))
                    half.taken.clear()
            case depth_sync.ApplyDiff(diff=diff):
                told = diff
            case _:
                return
        for half, ticks in (bids, told.bid_ticks.tolist()), (asks, told.ask_ticks.tolist()):
            half.dirty.update(ticks)
            if half.taken:
                for price_ticks in half.taken.keys() & set(ticks):
                    del half.taken[price_ticks]
        self._count_change()

    def _meet_quotes(self, side: Side, events: list[MatchEvent]) -> None:
        """Recorded quotes that came back at or through an account's order trade with it.

        Only what is left of a taker can rest where the recording still quotes against it. It
        gets what stands there, and no more: that much is taken then.
        """
        half, against = self._halves[side], self._halves[Side(-side)]
        while (ours := half.best_ticks) is not None:
            quote = self._best_shown(against.side)
            if quote is None or not reaches(side, ours, quote):
                return
            order = next(iter(half.levels[ours].values()))
            lots = min(order.left_lots, self._shown(against.side, quote))
            self._take_shown(against, quote, lots)
            self._trade_with(order, lots)
            events.append(self._traded(ours, lots, against.side, None, order))

    # ------------------------------------------------------------ the published book

    def _shown(self, side: Side, price_ticks: int) -> int:
        """Recorded lots that nobody took."""
        taken = self._halves[side].taken.get(price_ticks, 0)
        return self._recorded.book.lots_at(side, price_ticks) - taken

    def _ahead(self, side: Side, price_ticks: int) -> int:
        """Recorded lots before an order that comes to rest now."""
        taken = self._halves[side].taken.get(price_ticks, 0)
        return self._recorded.queue_lots(side, price_ticks) - taken

    def _best_shown(self, side: Side) -> int | None:
        """The best recorded price where something was left."""
        book, taken = self._recorded.book, self._halves[side].taken
        best = book.best_bid_ticks if side is Side.BUY else book.best_ask_ticks
        while best in taken and not self._shown(side, best):
            best = book.beyond(side, best)
        return best

    def _best(self, side: Side) -> int | None:
        shown, ours = self._best_shown(side), self._halves[side].best_ticks
        if shown is None or ours is None:
            return ours if shown is None else shown
        return max(shown, ours) if side is Side.BUY else min(shown, ours)

    def _fillable(self, side: Side, qty_lots: int, price_ticks: int | None) -> bool:
        half = self._halves[Side(-side)]
        left, given = qty_lots, Counter[Owner]()
        for best, _ in self.levels(half.side):
            if left <= 0 or not reaches(side, price_ticks, best):
                break
            left -= self._shown(half.side, best)
            left -= lots_given(half.levels.get(best, {}).values(), self.room, given)
        return left <= 0

    # ------------------------------------------------------------ the rules

    def _match(
        self,
        taker: Resting,
        price_ticks: int | None,
        self_trade: SelfTrade,
        events: list[MatchEvent],
    ) -> bool:
        half = self._halves[Side(-taker.side)]
        while taker.left_lots:
            best = self._best(half.side)
            if best is None or not reaches(taker.side, price_ticks, best):
                break
            shown = self._shown(half.side, best)
            if shown:
                lots = min(taker.left_lots, shown)
                self._take_shown(half, best, lots)
                taker.left_lots -= lots
                events.append(self._traded(best, lots, taker.side, taker, None))
                continue
            maker = next(iter(half.levels[best].values()))
            if self_trade is not SelfTrade.NONE and same_account(taker, maker):
                if self_trade is not SelfTrade.EXPIRE_TAKER:
                    events += self.expire(maker.venue_order_id, Expiry.SELF_TRADE)
                if self_trade is not SelfTrade.EXPIRE_MAKER:
                    return True
                continue
            lots = self._lots_of(maker, min(taker.left_lots, maker.left_lots), events)
            if lots == 0:
                events += self.expire(maker.venue_order_id, Expiry.REDUCE_ONLY)
                continue
            taker.left_lots -= lots
            self._trade_with(maker, lots)
            events.append(self._traded(best, lots, taker.side, taker, maker))
        return False

    def _take_shown(self, half: _RecordedSide, price_ticks: int, lots: int) -> None:
        half.taken[price_ticks] = half.taken.get(price_ticks, 0) + lots
        self._note_change(half, price_ticks)

    def _trade_with(self, maker: Resting, lots: int) -> None:
        """Take lots from an account's order out of its turn in the recorded queue."""
        if lots == maker.left_lots:
            self._remove(maker)
        else:
            self.shrink(maker.venue_order_id, maker.left_lots - lots)

    def _fill(self, order: Resting, lots: int, taker_side: Side, events: list[MatchEvent]) -> int:
        """Book a fill that the table has made: there the order is smaller already.

        Returns:
            The lots that traded: all, unless the order only reduces; then the rest expires.
        """
        traded = self._lots_of(order, lots, events)
        if traded:
            self._lower(order, order.left_lots - traded)
            events.append(self._traded(order.price_ticks, traded, taker_side, None, order))
        if traded < lots:
            events += self.expire(order.venue_order_id, Expiry.REDUCE_ONLY)
        return traded

    def _lots_of(self, order: Resting, lots: int, events: list[MatchEvent]) -> int:
        """So many lots, or what a reduce-only order may still trade of them."""
        return min(lots, self.room(order, events)) if order.reduce_only else lots

    def _traded(
        self,
        price_ticks: int,
        lots: int,
        taker_side: Side,
        taker: Resting | None,
        maker: Resting | None,
    ) -> Traded:
        """The next trade; None is the background."""
        self.next_trade_id += 1
        return Traded(
            self.next_trade_id - 1,
            price_ticks,
            lots,
            taker_side,
            taker.venue_order_id if taker else NO_ORDER_ID,
            taker.owner if taker else BACKGROUND,
            maker.venue_order_id if maker else NO_ORDER_ID,
            maker.owner if maker else BACKGROUND,
        )

    def _rest(self, order: Resting) -> None:
        self._table.make_room()
        self._table.accept(
            order.venue_order_id,
            order.side,
            order.price_ticks,
            order.left_lots,
            self._ahead(order.side, order.price_ticks),
        )
        self._orders[order.venue_order_id] = order
        half = self._halves[order.side]
        half.add(order)
        self._note_change(half, order.price_ticks)

    def _remove(self, order: Resting) -> None:
        self._table.cancel(order.venue_order_id)
        self._lower(order, 0)

    def _lower(self, order: Resting, left_lots: int) -> None:
        half = self._halves[order.side]
        half.lower(order, left_lots)
        if not left_lots:
            del self._orders[order.venue_order_id]
        self._note_change(half, order.price_ticks)

    def _note_change(self, half: _RecordedSide, price_ticks: int) -> None:
        half.dirty.add(price_ticks)
        self._count_change()

    def _dirty(self, side: Side) -> set[int]:
        return self._halves[side].dirty
