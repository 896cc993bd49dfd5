"""One symbol of the venue: its book, its market source, its filters, its streams."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from exchange.errors import InvariantBroken, Refused
from exchange.instrument import E8, Instrument, e8_from_text
from exchange.paper.account.account import Mark
from exchange.paper.account.orders import Change, NewOrder, OrderRecord
from exchange.paper.background.source import MarketSource
from exchange.paper.background.synthetic_flow import SyntheticFlow
from exchange.paper.matching import events as match
from exchange.paper.matching.events import INSURANCE, Expiry, MatchEvent, Traded
from exchange.paper.matching.order_book import OrderBook
from exchange.paper.matching.price_time import Matching
from exchange.paper.pubsub.pubsub import PubSub
from exchange.paper.settings import Listing, RecordedMarket, SyntheticMarket
from exchange.paper.streams.symbol_streams import MarketData
from exchange.paper.tape.tape import Tape
from exchange.paper.wire.market_wire import Marked, MarketWire
from exchange.paper.wire.order_wire import PERCENT_PRICE_DOWN, PERCENT_PRICE_UP, Wire
from exchange.types import Side

IDS_PER_MS = 100
"""Room for ids between two starts; the background alone uses about one in three milliseconds."""

HOUR_MS = 3_600_000

Opened: TypeAlias = tuple[OrderBook, MarketSource]

OpenRecorded: TypeAlias = Callable[[RecordedMarket, Instrument, int], Opened]
"""Opens a recording of an instrument, with the first id that it may give."""

KEPT_FUNDINGS = 1000


@dataclass(frozen=True, slots=True)
class Funding:
    """One settlement."""

    time_ms: int
    rate: float
    mark_e8: int


class Party(Protocol):
    """Somebody who trades here, and is told what becomes of the orders."""

    @property
    def position_lots(self) -> int:
        """Signed, as booked so far."""

    def fill(self, trade: Traded, venue_order_id: int, now_ms: int, *, maker: bool) -> None: ...

    def finish(self, venue_order_id: int, reason: Expiry | None, now_ms: int) -> None:
        """An order was cancelled, or expired for a reason."""
        ...

    def trim(self) -> list[tuple[int, int]]:
        """After its trades: orders of which the new position lets less rest, and how much."""
        ...


class Market:
    """One symbol.

    Args:
        start_ms: The venue's time of opening; ids grow from it, and so never repeat.
        open_recorded: Opens the listing where it is a recording; raises what it raises.
    """

    def __init__(
        self, listing: Listing, pubsub: PubSub, start_ms: int, open_recorded: OpenRecorded
    ) -> None:
        self.wire = Wire(listing.instrument)
        self.symbol = self.wire.symbol
        first_id = start_ms * IDS_PER_MS
        if isinstance(listing.market, RecordedMarket):
            opened = open_recorded(listing.market, listing.instrument, first_id)
        else:
            opened = open_synthetic(listing.market, first_id)
        self.matching, self.background = opened
        self.matching.room = self._room
        self.tape = Tape(self.matching.next_trade_id)
        self.public = MarketWire(self.wire)
        self.market_data = MarketData(
            self.public, self.matching, self.tape, lambda: self.marked, pubsub, start_ms
        )
        self.mark = Mark()
        self.parties: dict[int, Party] = {}
        """By owner number."""
        self.funding_rate = listing.funding_rate
        self.fundings: deque[Funding] = deque(maxlen=KEPT_FUNDINGS)
        """Settlements, oldest first."""
        self.funding_interval_ms = listing.funding_interval_h * HOUR_MS
        self.now_ns = start_ms * 1_000_000
        self._move_mark()
        self._standing = self.standing
        self._news: list[str] = []

    @property
    def now_ms(self) -> int:
        return self.now_ns // 1_000_000

    @property
    def next_funding_ms(self) -> int:
        return (self.now_ms // self.funding_interval_ms + 1) * self.funding_interval_ms

    @property
    def marked(self) -> Marked:
        return Marked(self.mark.price_e8, self.funding_rate, self.next_funding_ms)

    @property
    def status(self) -> str:
        """The venue's word for it in exchangeInfo."""
        if self.background.ending:
            return "CLOSE"
        return "TRADING" if self.matching.open else "TRADING_HALT"

    @property
    def standing(self) -> str:
        """Whether anything can trade here, in words."""
        if self.background.ending:
            return f"is closed: {self.background.ending}"
        if self.matching.open:
            return "is open"
        return "takes cancels alone: its recording has a gap, or has not begun"

    # ------------------------------------------------------------ filters

    def furthest_ticks(self, side: Side) -> int:
        """The last price that an order may reach: so far from the mark, rounded towards it."""
        mark_e8, tick_e16 = self.mark.price_e8, self.wire.tick_e8 * E8
        if side is Side.BUY:
            return mark_e8 * e8_from_text(PERCENT_PRICE_UP) // tick_e16
        return -(-mark_e8 * e8_from_text(PERCENT_PRICE_DOWN) // tick_e16)

    def check_new(self, order: NewOrder, notional_e8: int) -> None:
        """What the symbol's filters say of a new order.

        Raises:
            Refused: By the venue's code.
        """
        if order.price_ticks is None:
            self._check_counter_price(order.side)
        else:
            self._check_percent_price(order.side, order.price_ticks)
        if self._too_small(notional_e8) and not order.reduce_only:
            smallest = self.wire.min_notional()
            raise Refused(
                -4164,
                f"Order's notional must be no smaller than {smallest} "
                "(unless you choose reduce only).",
            )

    def check_change(self, order: OrderRecord, change: Change, notional_e8: int) -> None:
        """What they say of an order as it is to be; raises like ``check_new``."""
        self._check_percent_price(order.side, change.price_ticks)
        if self._too_small(notional_e8) and not order.reduce_only:
            smallest = self.wire.min_notional()
            raise Refused(-5029, f"Order's notional must be no smaller than {smallest}.")

    def _too_small(self, notional_e8: int) -> bool:
        return notional_e8 < self.wire.instrument.min_notional_e8

    def _check_percent_price(self, side: Side, price_ticks: int) -> None:
        furthest = self.furthest_ticks(side)
        if side * price_ticks <= side * furthest:
            return
        text = self.wire.price(furthest)
        if side is Side.BUY:
            raise Refused(-4016, f"Limit price can't be higher than {text}.")
        raise Refused(-4024, f"Limit price can't be lower than {text}.")

    def _check_counter_price(self, side: Side) -> None:
        """A market order needs somebody to meet within the bounds around the mark."""
        best = self.matching.best_ticks(Side(-side))
        if best is not None and side * best > side * self.furthest_ticks(side):
            raise Refused(
                -4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."
            )

    # ------------------------------------------------------------ time

    def advance(self, now_ns: int) -> None:
        """Let everybody else in the market act up to now."""
        self.now_ns = now_ns
        for events in self.background.advance(now_ns):
            self._move_mark()
            self.apply_events(events)
            self._note_standing()
        self._note_standing()
        self._move_mark()
        self.market_data.publish_touch(self.now_ms)  # sizes change without an event too

    def take_news(self) -> list[str]:
        """Every change of ``standing`` since the last call, however short it lasted."""
        news, self._news = self._news, []
        return news

    def _note_standing(self) -> None:
        if self.standing != self._standing:
            self._standing = self.standing
            self._news.append(self._standing)

    def publish(self) -> None:
        """Send what the streams owe by now."""
        now_ms = self.now_ms
        self.market_data.publish_aggregates(self.tape.advance(now_ms), now_ms)
        self.market_data.advance(now_ms)

    # ------------------------------------------------------------ what happened

    def apply_events(self, events: list[MatchEvent]) -> None:
        """Take what the matching engine did into the parties' books and the streams."""
        trades = [event for event in events if isinstance(event, Traded)]
        traders = self._tell_parties(events)
        if trades:
            self._print(trades)
        for trader in traders:
            trimmed = self._trim(trader)
            if trimmed:
                self.apply_events(trimmed)
        self.market_data.publish_touch(self.now_ms)

    def _trim(self, party: Party) -> list[MatchEvent]:
        """Shrink or end the reduce-only orders that a position no longer covers."""
        ended: list[MatchEvent] = []
        for venue_order_id, left_lots in party.trim():
            if left_lots:
                self.matching.shrink(venue_order_id, left_lots)
            else:
                ended += self.matching.expire(venue_order_id, Expiry.REDUCE_ONLY)
        return ended

    def _print(self, trades: list[Traded]) -> None:
        """Everybody hears of them; what the insurance fund takes over is no market trade."""
        now_ms = self.now_ms
        self.market_data.publish_trades(trades, now_ms)
        of_market = [trade for trade in trades if trade.maker_owner != INSURANCE]
        self.market_data.publish_aggregates(self.tape.note(of_market, now_ms), now_ms)

    def _room(self, order: match.Resting, events: list[MatchEvent]) -> int:
        """What the owner's position leaves to reduce, with the trades that are not booked yet."""
        return match.room_after(self.parties[order.owner].position_lots, order, events)

    def note_funding(self) -> None:
        """A settlement is due: remember its rate and its price."""
        self.fundings.append(Funding(self.now_ms, self.funding_rate, self.mark.price_e8))

    def note_liquidation(self, order: OrderRecord) -> None:
        """The venue closed somebody's position; the market is told of the largest a second."""
        self.market_data.note_liquidation(order)

    def _tell_parties(self, events: Iterable[MatchEvent]) -> list[Party]:
        """Whoever traded."""
        traders: dict[int, Party] = {}
        for event in events:
            if isinstance(event, Traded):
                for owner, order_id, maker in (
                    (event.taker_owner, event.taker_order_id, False),
                    (event.maker_owner, event.maker_order_id, True),
                ):
                    party = self.parties.get(owner)
                    if party is not None:
                        party.fill(event, order_id, self.now_ms, maker=maker)
                        traders[owner] = party
            elif isinstance(event, match.Cancelled | match.Expired):
                party = self.parties.get(event.owner)
                if party is not None:
                    reason = event.reason if isinstance(event, match.Expired) else None
                    party.finish(event.venue_order_id, reason, self.now_ms)
        return list(traders.values())

    def _move_mark(self) -> None:
        self.mark.price_e8 = round(self.background.mark_ticks * self.wire.tick_e8)


def open_synthetic(market: SyntheticMarket, first_id: int) -> Opened:
    matching = Matching(first_id)
    return matching, SyntheticFlow(market, matching)


def no_recordings(market: RecordedMarket, _instrument: Instrument, _first_id: int) -> Opened:
    """For a venue whose markets are all synthetic: recordings need compiled kernels."""
    raise InvariantBroken(f"nobody can play {market.path} here")
