"""What the streams of all symbols together say."""

from collections.abc import Callable, Sequence

from exchange.paper.pubsub.period_clock import PeriodClock
from exchange.paper.pubsub.pubsub import Payload, PubSub
from exchange.paper.streams.symbol_streams import MARK_PERIODS_MS
from exchange.paper.venue.market import Market

BOOK_TICKER_PERIOD_MS = 5000
TICKER_PERIOD_MS = 1000
LIQUIDATION_PERIOD_MS = 1000

_MARKS = [(f"!markPrice@arr{speed}", period_ms) for speed, period_ms in MARK_PERIODS_MS.items()]
_BOOK_TICKER = "!bookTicker"
_MINI_TICKERS = "!miniTicker@arr"
_TICKERS = "!ticker@arr"
_LIQUIDATIONS = "!forceOrder@arr"
_CONTRACTS = "!contractInfo"


class AllMarkets:
    """Publishes for every market of the venue at once."""

    def __init__(self, markets: Sequence[Market], pubsub: PubSub, now_ms: int) -> None:
        self._markets = markets
        self._pubsub = pubsub
        self._period_clock = PeriodClock(now_ms)
        self._published: dict[str, dict[str, int]] = {_MINI_TICKERS: {}, _TICKERS: {}}
        """By stream and symbol the newest trade that its ticker told of."""
        self._statuses = [market.status for market in markets]
        pubsub.offer(_BOOK_TICKER, _MINI_TICKERS, _TICKERS, _LIQUIDATIONS, _CONTRACTS)
        pubsub.offer(*(name for name, _ in _MARKS))

    def advance(self, now_ms: int) -> None:
        """Send whatever fell due by now."""
        if not self._period_clock.advance(now_ms):
            return
        self._send_changed_contracts(now_ms)
        if self._period_clock.due(LIQUIDATION_PERIOD_MS):
            self._send_liquidations(now_ms)
        if self._period_clock.due(TICKER_PERIOD_MS):
            self._send_tickers(_MINI_TICKERS, lambda m: m.market_data.mini_ticker(now_ms))
            self._send_tickers(_TICKERS, lambda m: m.market_data.ticker(now_ms))
        for name, period_ms in _MARKS:
            if self._period_clock.due(period_ms) and self._pubsub.wanted(name):
                self._pubsub.publish(
                    name, [m.market_data.mark_price(now_ms) for m in self._markets]
                )
        if self._period_clock.due(BOOK_TICKER_PERIOD_MS) and self._pubsub.wanted(_BOOK_TICKER):
            for market in self._markets:
                self._pubsub.publish(_BOOK_TICKER, market.market_data.book_ticker(now_ms))

    def _send_changed_contracts(self, now_ms: int) -> None:
        """Of a symbol here only its status ever changes."""
        for number, market in enumerate(self._markets):
            status = market.status
            if status != self._statuses[number]:
                self._statuses[number] = status
                self._pubsub.publish(_CONTRACTS, market.public.contract_info(status, now_ms))

    def _send_tickers(self, name: str, spell: Callable[[Market], Payload]) -> None:
        """One message about the markets that traded since the last one."""
        if not self._pubsub.wanted(name):
            return
        published = self._published[name]
        changed = []
        for market in self._markets:
            newest = market.tape.newest
            if newest is not None and newest.trade_id != published.get(market.symbol):
                published[market.symbol] = newest.trade_id
                changed.append(spell(market))
        if changed:
            self._pubsub.publish(name, changed)

    def _send_liquidations(self, now_ms: int) -> None:
        """The largest of each symbol, on its own stream and on everybody's."""
        for market in self._markets:
            order = market.market_data.take_liquidation()
            if order is not None:
                own_name = f"{market.symbol.lower()}@forceOrder"
                self._pubsub.publish(own_name, market.public.liquidation(order, now_ms))
                to_all = market.public.liquidation_to_all(order, now_ms)
                self._pubsub.publish(_LIQUIDATIONS, to_all)
