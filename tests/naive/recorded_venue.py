"""Naive recorded venue: requests and answers as objects on two heaps.

It keeps the two clocks of a replay apart. What the recording says happened at the venue
moves the venue's book and fills our orders by queue position; what we send arrives there
after the order latency, and what it answers arrives here after the response latency.
Nothing overtakes anything on either way. Own orders move nothing in the recorded market.

The money is kept in the embedded exchange's books, not in the engine's ledger, so that the
desk's reconciliation compares two counts that were made apart.

Source: the replay rules, sections 2 to 8; unless asked for hftbacktest's own fills, with partial
fills done right (section 9).
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from engine.replay.event_window import NEVER_NS
from engine.replay.recorded_venue import ReplayRules
from exchange.event_columns import FUNDING_E8, MARK, MARK_E8, NEXT_FUNDING_NS, NO_FUNDING
from exchange.instrument import E8, Instrument
from exchange.jit import IntArray
from exchange.paper.account.account import Account, Holding, Mark, divide_rounded
from exchange.peer_exchange import PeerBook
from exchange.recorded_book import RecordedBook
from exchange.simulation import RestingOrders
from exchange.types import (
    AccountSnapshot,
    AccountUpdate,
    Cancel,
    Command,
    Event,
    FetchAccount,
    FetchTrades,
    Fill,
    OrderStatus,
    OrderUpdate,
    Outcome,
    Place,
    QueryOrder,
    Reply,
    Request,
    Side,
    TradesSnapshot,
)

_NS_PER_MS = 1_000_000
_MOST_RESTING = 256


class _Funding(NamedTuple):
    """The payment that the newest mark price announces."""

    at_ns: int
    rate_e8: int


@dataclass(slots=True)
class _Order:
    """One of our orders as the recorded venue knows it."""

    place: Place
    venue_order_id: int
    status: OrderStatus = OrderStatus.NEW
    filled_lots: int = 0
    changed_ns: int = 0


class RecordedVenue:
    """Answers requests and fills orders against a recorded market, on a virtual clock.

    Args:
        instrument: The recording's grid.
        wallet_e8: What the account starts with.
    """

    def __init__(self, instrument: Instrument, rules: ReplayRules, wallet_e8: int) -> None:
        self.fills: list[Fill] = []
        """In the venue's order, stamped with its time."""
        self._instrument = instrument
        self._rules = rules
        self._resting = RestingOrders(
            _MOST_RESTING,
            rules.queue,
            rules.queue_power,
            instrument.qty.value,
            whole_fills=rules.peers,
        )
        self._market = PeerBook(self._resting) if rules.peers else RecordedBook(self._resting)
        self._orders: dict[str, _Order] = {}
        self._by_key: dict[int, _Order] = {}
        self._requests: list[tuple[int, int, Request]] = []
        self._answers: list[tuple[int, int, Callable[[int], Event]]] = []
        self._turns = count()
        self._last_arrival_ns = self._last_answer_ns = 0
        self._account = Account(wallet_e8, rules.maker_fee_rate, 0.0)
        self._holding = Holding(instrument, Mark())
        self._account.holdings[instrument.symbol] = self._holding
        self._wallet_changed_ns = 0
        self._funding = _Funding(NEVER_NS, 0)
        self.marked = False
        """Was a mark price recorded, without which no funding is paid?"""

    # ------------------------------------------------------------ the two ways between

    def send(self, command: Command, now_ns: int) -> None:
        """Our side sends; what needs no answer from a recording is dropped."""
        if isinstance(command, Request):
            arrival_ns = max(now_ns + self._rules.order_latency_ns, self._last_arrival_ns)
            self._last_arrival_ns = arrival_ns
            heapq.heappush(self._requests, (arrival_ns, next(self._turns), command))

    def next_request_ns(self) -> int:
        return self._requests[0][0] if self._requests else NEVER_NS

    def next_answer_ns(self) -> int:
        return self._answers[0][0] if self._answers else NEVER_NS

    def take_answers(self) -> list[Event]:
        """The earliest answers, all that arrive at one instant, stamped with it."""
        now_ns = self._answers[0][0]
        together = []
        while self._answers and self._answers[0][0] == now_ns:
            together.append(heapq.heappop(self._answers)[2](now_ns))
        return together

    def _answer(self, now_ns: int, build: Callable[[int], Event]) -> None:
        arrival_ns = max(now_ns + self._rules.response_latency_ns, self._last_answer_ns)
        self._last_answer_ns = arrival_ns
        heapq.heappush(self._answers, (arrival_ns, next(self._turns), build))

    # ------------------------------------------------------------ the recorded market

    @property
    def grown_ns(self) -> list[int]:
        """How long each book grew that no snapshot began."""
        return self._market.grown_ns if isinstance(self._market, RecordedBook) else []

    def on_event(
        self, exch_ns: int, kind: int, row: IntArray, ticks: IntArray, lots: IntArray
    ) -> None:
        """A row of ``exchange.event_columns``, of this kind and time, takes effect at the venue."""
        if kind == MARK:
            self._note_mark(exch_ns, row)
            return
        for key, lots_filled, left in self._market.on_event(row, ticks, lots):
            order = self._by_key[key]
            order.filled_lots += lots_filled
            order.changed_ns = exch_ns
            order.status = OrderStatus.PARTIALLY_FILLED if left else OrderStatus.FILLED
            if not left:
                del self._by_key[key]
            self._tell_fill(order, lots_filled, exch_ns)

    def _tell_fill(self, order: _Order, lots: int, exch_ns: int) -> None:
        place = order.place
        booked = self._account.book_fill(
            self._instrument.symbol, place.side, place.price_ticks, lots, maker=True
        )
        self._wallet_changed_ns = exch_ns
        number = len(self.fills) + 1

        def fill(now_ns: int) -> Fill:
            return Fill(
                recv_ns=now_ns,
                mono_ns=now_ns,
                trade_id=number,
                client_order_id=place.client_order_id,
                side=place.side,
                price_ticks=place.price_ticks,
                qty_lots=lots,
                maker=True,
                fee_e8=booked.fee_e8,
                exch_ns=exch_ns,
            )

        self.fills.append(fill(exch_ns))
        self._answer(exch_ns, fill)
        self._tell_order(order, exch_ns)
        self._tell_wallet(exch_ns)

    def _note_mark(self, exch_ns: int, row: IntArray) -> None:
        """Marks go on naming a funding time that has passed, for a moment."""
        at_ns, rate_e8 = int(row[NEXT_FUNDING_NS]), int(row[FUNDING_E8])
        announced = at_ns > exch_ns and rate_e8 != NO_FUNDING
        self._funding = _Funding(at_ns, rate_e8) if announced else _Funding(NEVER_NS, 0)
        self._holding.mark.price_e8 = int(row[MARK_E8])
        self.marked = True

    def next_funding_ns(self) -> int:
        return self._funding.at_ns

    def pay_funding(self) -> None:
        """On what is held at its time, at the last mark before it."""
        at_ns, rate_e8 = self._funding
        self._funding = _Funding(NEVER_NS, 0)
        paid_e8 = divide_rounded(self._holding.notional_e8 * rate_e8, E8)
        if paid_e8 == 0:
            return
        self._account.wallet_e8 -= paid_e8
        self._wallet_changed_ns = at_ns
        wallet_e8 = self._account.wallet_e8
        self._answer(
            at_ns,
            lambda now_ns: AccountUpdate(
                recv_ns=now_ns,
                mono_ns=now_ns,
                position_lots=None,  # as the venue tells it: the position has not changed
                wallet_e8=wallet_e8,
                reason="FUNDING_FEE",
                exch_ns=at_ns,
                moved_e8=-paid_e8,
            ),
        )

    # ------------------------------------------------------------ requests, at the venue

    def take_request(self) -> None:
        """The earliest request reaches the venue and is done or refused."""
        now_ns, _, request = heapq.heappop(self._requests)
        match request:
            case Place():
                self._place(request, now_ns)
            case Cancel():
                self._cancel(request, now_ns)
            case QueryOrder():
                order = self._orders.get(request.client_order_id)
                if order is None:
                    self._refuse(request, now_ns, -2013, "Order does not exist.")
                else:
                    self._done(request, now_ns, order)
            case FetchAccount():
                self._tell_account(now_ns)
                self._done(request, now_ns)
            case FetchTrades(since_ms=since_ms):
                fills, asked_ns = tuple(self.fills), now_ns - self._rules.order_latency_ns
                self._answer(
                    now_ns,
                    lambda at: TradesSnapshot(
                        recv_ns=at,
                        mono_ns=at,
                        fills=fills,
                        since_ms=since_ms,
                        asked_mono_ns=asked_ns,
                    ),
                )
                self._done(request, now_ns)
            case _:
                self._done(request, now_ns)

    def _place(self, place: Place, now_ns: int) -> None:
        book, buys = self._market.book, place.side is Side.BUY
        opposite = book.best_ask_ticks if buys else book.best_bid_ticks
        crosses = opposite is not None and place.side * (place.price_ticks - opposite) >= 0
        if place.market:
            self._refuse(place, now_ns, -1116, "A recording takes no market orders.")
        elif crosses:
            self._refuse(place, now_ns, -5022, "The order would take; post-only.")
        else:
            key = len(self._orders) + 1
            queue_lots = self._market.queue_lots(place.side, place.price_ticks)
            order = _Order(place, key, changed_ns=now_ns)
            if not self._resting.accept(
                key, place.side, place.price_ticks, place.qty_lots, queue_lots
            ):
                self._refuse(place, now_ns, -2025, "Reach max open order limit.")
                return
            self._orders[place.client_order_id] = self._by_key[key] = order
            self._done(place, now_ns, order)
            self._tell_order(order, now_ns)

    def _cancel(self, cancel: Cancel, now_ns: int) -> None:
        order = self._orders.get(cancel.client_order_id)
        if order is None or order.status.final:
            self._refuse(cancel, now_ns, -2011, "Unknown order sent.")
            return
        self._resting.cancel(order.venue_order_id)
        del self._by_key[order.venue_order_id]
        order.status, order.changed_ns = OrderStatus.CANCELED, now_ns
        self._done(cancel, now_ns, order)
        self._tell_order(order, now_ns)

    # ------------------------------------------------------------ answers

    def _update(self, order: _Order) -> Callable[[int], OrderUpdate]:
        """The order's words as of now, to be stamped at arrival."""
        status, filled, changed_ns = order.status, order.filled_lots, order.changed_ns

        def update(at_ns: int) -> OrderUpdate:
            return OrderUpdate(
                recv_ns=at_ns,
                mono_ns=at_ns,
                client_order_id=order.place.client_order_id,
                venue_order_id=order.venue_order_id,
                side=order.place.side,
                status=status,
                price_ticks=order.place.price_ticks,
                qty_lots=order.place.qty_lots,
                filled_lots=filled,
                exch_ns=changed_ns,
            )

        return update

    def _tell_order(self, order: _Order, now_ns: int) -> None:
        self._answer(now_ns, self._update(order))

    def _tell_wallet(self, exch_ns: int) -> None:
        position_lots, wallet_e8 = self._holding.lots, self._account.wallet_e8
        entry_price_e8 = self._holding.entry_price_e8
        self._answer(
            exch_ns,
            lambda at: AccountUpdate(
                recv_ns=at,
                mono_ns=at,
                position_lots=position_lots,
                entry_price_e8=entry_price_e8,
                wallet_e8=wallet_e8,
                reason="ORDER",
                exch_ns=exch_ns,
            ),
        )

    def _tell_account(self, now_ns: int) -> None:
        position_lots, wallet_e8 = self._holding.lots, self._account.wallet_e8
        entry_price_e8 = self._holding.entry_price_e8
        changed_ns = self.fills[-1].exch_ns if self.fills else 0
        wallet_changed_ns = self._wallet_changed_ns
        updates = [self._update(order) for order in self._by_key.values()]
        asked_ns = now_ns - self._rules.order_latency_ns

        def snapshot(at_ns: int) -> AccountSnapshot:
            return AccountSnapshot(
                recv_ns=at_ns,
                mono_ns=at_ns,
                position_lots=position_lots,
                position_exch_ns=changed_ns,
                entry_price_e8=entry_price_e8,
                wallet_e8=wallet_e8,
                wallet_exch_ns=wallet_changed_ns,
                open_orders=tuple(update(at_ns) for update in updates),
                asked_mono_ns=asked_ns,
            )

        self._answer(now_ns, snapshot)

    def _done(self, request: Request, now_ns: int, order: _Order | None = None) -> None:
        update = self._update(order) if order is not None else None
        trip_ns = self._rules.order_latency_ns + self._rules.response_latency_ns

        def reply(at_ns: int) -> Reply:
            return Reply(
                recv_ns=at_ns,
                mono_ns=at_ns,
                request_id=request.request_id,
                outcome=Outcome.DONE,
                order=update(at_ns) if update is not None else None,
                round_trip_ns=trip_ns,
            )

        self._answer(now_ns, reply)

    def _refuse(self, request: Request, now_ns: int, code: int, message: str) -> None:
        def reply(at_ns: int) -> Reply:
            return Reply(
                recv_ns=at_ns,
                mono_ns=at_ns,
                request_id=request.request_id,
                outcome=Outcome.REFUSED,
                code=code,
                message=message,
            )

        self._answer(now_ns, reply)
