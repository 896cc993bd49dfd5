"""The embedded exchange without its sockets: its markets, its clients, and what time does to both.

Tell it the time with ``advance`` and it lives up to it; ask a symbol account to place or cancel
and it answers at once. What streams would say goes into the subscribers' queues. It waits for
nothing and reads no clock, so that a whole desk with its exchange can run on a virtual one.
"""

from copy import copy

from exchange.errors import InvariantBroken, Refused
from exchange.paper.account.account import Account, Holding
from exchange.paper.matching.events import INSURANCE, Expiry, Traded
from exchange.paper.pubsub.pubsub import PubSub
from exchange.paper.settings import PaperSettings
from exchange.paper.venue.all_markets import AllMarkets
from exchange.paper.venue.client import Client
from exchange.paper.venue.market import Market, OpenRecorded, no_recordings
from exchange.paper.venue.symbol_account import SymbolAccount
from exchange.paper.venue.symbol_ledger import SymbolLedger
from exchange.paper.wire import account_wire
from exchange.types import Side

LIQUIDATION_FEE_PPM = 12_500
"""Of the notional that was closed by force, in millionths, as far as the wallet goes."""


class InsuranceFund:
    """Takes over what a liquidation could not sell, and pays what it lost beyond the wallet."""

    def __init__(self) -> None:
        self.account = Account(0, 0.0, 0.0)

    def join(self, market: Market) -> None:
        self.account.holdings[market.symbol] = Holding(market.wire.instrument, market.mark)
        market.parties[INSURANCE] = _FundLedger(self.account, market.symbol)


class _FundLedger:
    """The fund in one market: it only ever takes the other side of a liquidation."""

    def __init__(self, account: Account, symbol: str) -> None:
        self._account = account
        self._symbol = symbol

    @property
    def position_lots(self) -> int:
        return self._account.holdings[self._symbol].lots

    def fill(self, trade: Traded, venue_order_id: int, now_ms: int, *, maker: bool) -> None:
        side = Side(-trade.taker_side)
        self._account.book_fill(self._symbol, side, trade.price_ticks, trade.qty_lots, maker=maker)

    def finish(self, venue_order_id: int, reason: Expiry | None, now_ms: int) -> None:
        raise InvariantBroken("the insurance fund has no orders")

    def trim(self) -> list[tuple[int, int]]:
        return []


class PaperVenue:
    """One embedded exchange.

    Args:
        pubsub: Where stream messages go.
        start_ns: The venue's time of opening; ids grow from it, and so never repeat.
        open_recorded: Opens listings that are recordings; raises what it raises.
    """

    def __init__(
        self,
        settings: PaperSettings,
        pubsub: PubSub,
        start_ns: int,
        open_recorded: OpenRecorded = no_recordings,
    ) -> None:
        self.now_ns = start_ns
        self.markets = {
            listing.instrument.symbol: Market(listing, pubsub, self.now_ms, open_recorded)
            for listing in settings.listings
        }
        self.clients = [
            Client(account, number, pubsub) for number, account in enumerate(settings.accounts, 1)
        ]
        for client in self.clients:
            client.account.updated_ms = self.now_ms  # its capital was paid in
        self._all_markets = AllMarkets(list(self.markets.values()), pubsub, self.now_ms)
        self.insurance = InsuranceFund()
        self._symbol_accounts: dict[tuple[int, str], SymbolAccount] = {}
        for market in self.markets.values():
            self.insurance.join(market)
            for client in self.clients:
                ledger = SymbolLedger(client, market.wire, market.mark)
                market.parties[client.number] = ledger
                self._symbol_accounts[client.number, market.symbol] = SymbolAccount(ledger, market)
        self.advance(start_ns)

    @property
    def now_ms(self) -> int:
        return self.now_ns // 1_000_000

    def market(self, symbol: str) -> Market:
        """Raises ``Refused`` with -1121 for a symbol that is not listed."""
        market = self.markets.get(symbol)
        if market is None:
            raise Refused(-1121, "Invalid symbol.")
        return market

    def symbol_account(self, client: Client, symbol: str) -> SymbolAccount:
        """Raises ``Refused`` like ``market``."""
        return self._symbol_accounts[client.number, self.market(symbol).symbol]

    def symbol_accounts(self, client: Client) -> list[SymbolAccount]:
        """One in every market."""
        return [self._symbol_accounts[client.number, symbol] for symbol in self.markets]

    def with_symbol_accounts(
        self, symbol_accounts: dict[tuple[int, str], SymbolAccount], now_ns: int
    ) -> "PaperVenue":
        """This venue to be read only, at another time and with one client's symbol accounts."""
        other = copy(self)
        other.now_ns = now_ns
        other._symbol_accounts = symbol_accounts
        return other

    def advance(self, now_ns: int) -> None:
        """Live up to now: markets move, funding is paid, switches fire, streams speak."""
        self.now_ns = max(now_ns, self.now_ns)
        for market in self.markets.values():
            funding_due_ms = market.next_funding_ms
            market.advance(self.now_ns)
            if market.now_ms >= funding_due_ms:
                self._settle_funding(market)
        for symbol_account in self._symbol_accounts.values():
            symbol_account.advance()
        for client in self.clients:
            if client.account.must_be_liquidated:
                self._liquidate(client)
        for market in self.markets.values():
            market.publish()
        self._all_markets.advance(self.now_ms)
        for client in self.clients:
            client.user_stream.advance(self.now_ms)

    def _settle_funding(self, market: Market) -> None:
        market.note_funding()
        for client in self.clients:
            self._symbol_accounts[client.number, market.symbol].settle_funding()

    def _liquidate(self, client: Client) -> None:
        """End the client's orders, sell its positions, and settle with the insurance fund.

        It waits while a market that would have to buy cannot trade.
        """
        if not all(s.market.matching.open for s in self.symbol_accounts(client) if s.holding.lots):
            return
        stands = [symbol_account.ledger.stand for symbol_account in self.symbol_accounts(client)]
        if any(stand.holding.lots for stand in stands):
            client.publish(account_wire.margin_call(client.account, stands, self.now_ms))
        for symbol_account in self.symbol_accounts(client):
            symbol_account.expire_all()
        closed_e8 = sum(
            symbol_account.liquidate(INSURANCE) for symbol_account in self.symbol_accounts(client)
        )
        wallet_e8 = client.account.wallet_e8
        paid_e8 = min(wallet_e8, closed_e8 * LIQUIDATION_FEE_PPM // 1_000_000)
        self.insurance.account.wallet_e8 += paid_e8
        client.pay("", "INSURANCE_CLEAR", -paid_e8, self.now_ms)
        client.publish(account_wire.moved(client.account, "INSURANCE_CLEAR", -paid_e8, self.now_ms))
