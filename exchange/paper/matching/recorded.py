"""Matching engine of a recorded market: fills by queue position in the recording.

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

import numpy as np

from exchange.depth_sync import APPLY, GREW, LOAD, TICKER
from exchange.instrument import Instrument
from exchange.market_events import DepthDiff, MarketMessage, Snapshot, TouchUpdate, TradePrint
from exchange.paper.matching.events import Expiry, MatchEvent, Resting, reaches
from exchange.paper.matching.order_book import OrderBook
from exchange.queue_models import QUEUE_MODELS, QueueModelName
from exchange.recorded_book import RecordedBook
from exchange.simulation import RestingOrders
from exchange.types import Side


class RecordedMatching(OrderBook):
    """The published book of a recording and of the accounts that trade in it.

    Args:
        queue: Who is taken to have cancelled ahead of an account's order.
        first_id: As of ``Matching``.
    """

    def __init__(self, instrument: Instrument, queue: QueueModelName, first_id: int = 1) -> None:
        super().__init__(first_id)
        self._table = RestingOrders(256, *QUEUE_MODELS[queue], instrument.qty.value)
        self._recorded = RecordedBook(self._table)
        self._taken: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        """Recorded lots by price, each no more than the recording shows there."""
        self._lost: dict[Side, set[int]] = {}
        """Prices of the book that was lost, while none has taken its place."""
        self._over = False

    # ------------------------------------------------------------ questions

    @property
    def open(self) -> bool:
        return self._recorded.trusted and not self._over

    def best_ticks(self, side: Side) -> int | None:
        shown, ours = self._best_shown(side), self._queues[side].best_ticks
        if shown is None or ours is None:
            return ours if shown is None else shown
        return max(shown, ours) if side is Side.BUY else min(shown, ours)

    @property
    def recorded_mid_ticks(self) -> float | None:
        """Of the recording alone; None while a side of it is empty."""
        return self._recorded.mid_ticks

    def lots_at(self, side: Side, price_ticks: int) -> int:
        return self._anonymous_lots(side, price_ticks) + self._queues[side].lots_at(price_ticks)

    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]:
        book, taken, queues = self._recorded.book, self._taken[side], self._queues[side]
        count = book.level_count if limit is None else limit + len(taken)
        ticks, lots = np.zeros((2, count), dtype=np.int64)
        found = book.top(side, count, ticks, lots)
        shown = dict(zip(ticks[:found].tolist(), lots[:found].tolist(), strict=True))
        for price_ticks in taken.keys() & shown.keys():
            shown[price_ticks] -= taken[price_ticks]
        for price_ticks in queues.prices:
            shown[price_ticks] = shown.get(price_ticks, 0) + queues.lots_at(price_ticks)
        best_first = sorted(shown, key=(-side).__mul__)
        return [(price, shown[price]) for price in best_first if shown[price]][:limit]

    # ------------------------------------------------------------ the recording

    def on_message(self, message: MarketMessage) -> list[MatchEvent]:
        """One message of the recording takes effect."""
        if isinstance(message, TradePrint):
            return self._on_print(message)
        events: list[MatchEvent] = []
        before = self._shown_before(message)
        filled = self._recorded.on_message(message)
        self._note_levels(message, before)
        for key, lots, _ in filled:
            order = self._orders[key]
            self._fill(order, lots, Side(-order.side), events)
        if self._recorded.book.crossed:
            self._recorded.lose()
        for side in Side:
            self._meet_quotes(side, events)
        return events

    def close(self) -> None:
        """The recording is over: from now on orders can only be cancelled."""
        self._over = True

    def _on_print(self, message: TradePrint) -> list[MatchEvent]:
        events: list[MatchEvent] = []
        left_lots = message.qty_lots
        filled = self._recorded.on_message(message) if self.open else []
        for key, lots, _ in filled:
            left_lots -= self._fill(self._orders[key], lots, message.aggressor, events)
        if left_lots > 0:
            events.append(
                self._trade(message.price_ticks, left_lots, message.aggressor, None, None)
            )
        return events

    def _shown_before(self, message: MarketMessage) -> dict[Side, set[int]]:
        """Prices that this message may take off the book without naming them."""
        if isinstance(message, TouchUpdate):
            return self._better_than(message) if self._recorded.grown else {}
        if self._recorded.trusted:
            return self._prices() if isinstance(message, Snapshot) else {}
        # Until it is trusted again the book stands still: once is enough.
        self._lost = self._lost or self._prices()
        return self._lost

    def _prices(self) -> dict[Side, set[int]]:
        return {side: {price for price, _ in self.levels(side)} for side in Side}

    def _better_than(self, touch: TouchUpdate) -> dict[Side, set[int]]:
        gone: dict[Side, set[int]] = {}
        book = self._recorded.book
        for side, ticks, best in (
            (Side.BUY, touch.bid_ticks, book.best_bid_ticks),
            (Side.SELL, touch.ask_ticks, book.best_ask_ticks),
        ):
            price = best
            gone[side] = {ticks}
            while price is not None and side * price > side * ticks:
                gone[side].add(price)
                price = book.beyond(side, price)
        return gone

    def _note_levels(self, message: MarketMessage, before: dict[Side, set[int]]) -> None:
        """What a message speaks of is as it says, whatever takers took."""
        found = self._recorded.found
        if found & (LOAD | GREW):
            for side in Side:
                self._taken[side].clear()
                self._dirty[side].update(before[side])
                self._dirty[side].update(price for price, _ in self.levels(side))
        elif found & APPLY and isinstance(message, DepthDiff):
            self._note_side(Side.BUY, set(message.bid_ticks.tolist()))
            self._note_side(Side.SELL, set(message.ask_ticks.tolist()))
        elif found & TICKER and before:
            for side in Side:
                self._note_side(side, before[side])
        else:
            return
        self._lost = {}
        self._count_change()

    def _note_side(self, side: Side, ticks: set[int]) -> None:
        self._dirty[side].update(ticks)
        taken = self._taken[side]
        for price_ticks in taken.keys() & ticks:
            del taken[price_ticks]

    def _meet_quotes(self, side: Side, events: list[MatchEvent]) -> None:
        """Recorded quotes that came back at or through an account's order trade with it.

        Only what is left of a taker can rest where the recording still quotes against it. It
        gets what stands there, and no more: that much is taken then.
        """
        queues, against = self._queues[side], Side(-side)
        while (ours := queues.best_ticks) is not None:
            quote = self._best_shown(against)
            if quote is None or not reaches(side, ours, quote):
                return
            order = queues.first_at(ours)
            lots = min(order.left_lots, self._anonymous_lots(against, quote))
            self._take_anonymous(against, quote, lots)
            self._take_from(order, lots)
            events.append(self._trade(ours, lots, against, None, order))

    # ------------------------------------------------------------ the published book

    def _anonymous_lots(self, side: Side, price_ticks: int) -> int:
        """Recorded lots that nobody took."""
        taken = self._taken[side].get(price_ticks, 0)
        return self._recorded.book.lots_at(side, price_ticks) - taken

    def _take_anonymous(self, side: Side, price_ticks: int, lots: int) -> None:
        taken = self._taken[side]
        taken[price_ticks] = taken.get(price_ticks, 0) + lots
        self._note_change(side, price_ticks)

    def _ahead(self, side: Side, price_ticks: int) -> int:
        """Recorded lots before an order that comes to rest now."""
        taken = self._taken[side].get(price_ticks, 0)
        return self._recorded.queue_lots(side, price_ticks) - taken

    def _best_shown(self, side: Side) -> int | None:
        """The best recorded price where something was left."""
        book, taken = self._recorded.book, self._taken[side]
        best = book.best_bid_ticks if side is Side.BUY else book.best_ask_ticks
        while best in taken and not self._anonymous_lots(side, best):
            best = book.beyond(side, best)
        return best

    # ------------------------------------------------------------ the accounts' queues

    def _rest(self, order: Resting) -> None:
        self._table.make_room()
        self._table.accept(
            order.venue_order_id,
            order.side,
            order.price_ticks,
            order.left_lots,
            self._ahead(order.side, order.price_ticks),
        )
        super()._rest(order)

    def _lower(self, order: Resting, left_lots: int) -> None:
        if left_lots:
            self._table.shrink(order.venue_order_id, left_lots)
        else:
            self._table.cancel(order.venue_order_id)
        super()._lower(order, left_lots)

    def _fill(self, order: Resting, lots: int, taker_side: Side, events: list[MatchEvent]) -> int:
        """Book a fill that the table has made: there the order is smaller already.

        Returns:
            The lots that traded: all, unless the order only reduces; then the rest expires.
        """
        traded = self._tradable(order, lots, events)
        if traded:
            super()._lower(order, order.left_lots - traded)
            events.append(self._trade(order.price_ticks, traded, taker_side, None, order))
        if traded < lots:
            events += self.expire(order.venue_order_id, Expiry.REDUCE_ONLY)
        return traded
