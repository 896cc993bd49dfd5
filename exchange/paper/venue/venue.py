"""The embedded exchange without its sockets: its markets, its members, and what time does to both.

Tell it the time with ``advance`` and it lives up to it; ask a seat to place or cancel and it
answers at once. What streams would say goes into the hub's mailboxes. It waits for nothing
and reads no clock, so that a whole desk with its exchange can run on a virtual one.
"""

from copy import copy

from exchange.errors import InvariantBroken, Refused
from exchange.paper.account.account import Account, Holding
from exchange.paper.matching.events import INSURANCE, Expiry, MatchEvent, Traded
from exchange.paper.pubsub.pubsub import Hub
from exchange.paper.settings import PaperSettings
from exchange.paper.venue.all_markets import AllMarkets
from exchange.paper.venue.client import Member
from exchange.paper.venue.market import Market, OpenRecorded, no_recordings
from exchange.paper.venue.symbol_account import Seat
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
        market.parties[INSURANCE] = _FundSeat(self.account, market.symbol)


class _FundSeat:
    """The fund in one market: it only ever takes the other side of a liquidation."""

    def __init__(self, account: Account, symbol: str) -> None:
        self._account = account
        self._symbol = symbol

    @property
    def position_lots(self) -> int:
        return self._account.holdings[self._symbol].lots

    def fill(self, trade: Traded, venue_order_id: int, *, maker: bool) -> None:
        side = Side(-trade.taker_side)
        self._account.book_fill(self._symbol, side, trade.price_ticks, trade.qty_lots, maker=maker)

    def finish(self, venue_order_id: int, reason: Expiry | None) -> None:
        raise InvariantBroken("the insurance fund has no orders")

    def trim(self) -> list[MatchEvent]:
        return []


class PaperVenue:
    """One embedded exchange.

    Args:
        hub: Where stream messages go.
        start_ns: The venue's time of opening; ids grow from it, and so never repeat.
        open_recorded: Opens listings that are recordings; raises what it raises.
    """

    def __init__(
        self,
        settings: PaperSettings,
        hub: Hub,
        start_ns: int,
        open_recorded: OpenRecorded = no_recordings,
    ) -> None:
        self.now_ns = start_ns
        self.markets = {
            listing.instrument.symbol: Market(listing, hub, self.now_ms, open_recorded)
            for listing in settings.listings
        }
        self.members = [
            Member(account, number, hub) for number, account in enumerate(settings.accounts, 1)
        ]
        for member in self.members:
            member.account.updated_ms = self.now_ms  # its capital was paid in
        self._all_markets = AllMarkets(list(self.markets.values()), hub, self.now_ms)
        self.insurance = InsuranceFund()
        self._seats: dict[tuple[int, str], Seat] = {}
        for market in self.markets.values():
            self.insurance.join(market)
            for member in self.members:
                self._seats[member.number, market.symbol] = Seat(member, market)
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

    def seat(self, member: Member, symbol: str) -> Seat:
        """Raises ``Refused`` like ``market``."""
        return self._seats[member.number, self.market(symbol).symbol]

    def seats_of(self, member: Member) -> list[Seat]:
        """One in every market."""
        return [self._seats[member.number, symbol] for symbol in self.markets]

    def with_seats(self, seats: dict[tuple[int, str], Seat], now_ns: int) -> "PaperVenue":
        """This venue to be read only, at another time and with the seats of one member."""
        other = copy(self)
        other.now_ns = now_ns
        other._seats = seats
        return other

    def advance(self, now_ns: int) -> None:
        """Live up to now: markets move, funding is paid, switches fire, streams speak."""
        self.now_ns = max(now_ns, self.now_ns)
        for market in self.markets.values():
            funding_due_ms = market.next_funding_ms
            market.advance(self.now_ns)
            if market.now_ms >= funding_due_ms:
                self._settle_funding(market)
        for seat in self._seats.values():
            seat.advance()
        for member in self.members:
            if member.account.must_be_liquidated:
                self._liquidate(member)
        for market in self.markets.values():
            market.speak()
        self._all_markets.advance(self.now_ms)
        for member in self.members:
            member.user_stream.advance(self.now_ms)

    def _settle_funding(self, market: Market) -> None:
        market.note_funding()
        for member in self.members:
            self._seats[member.number, market.symbol].settle_funding()

    def _liquidate(self, member: Member) -> None:
        """End the member's orders, sell its positions, and settle with the insurance fund.

        It waits while a market that would have to buy cannot trade.
        """
        if not all(s.market.matching.open for s in self.seats_of(member) if s.holding.lots):
            return
        stands = [seat.stand for seat in self.seats_of(member)]
        if any(stand.holding.lots for stand in stands):
            member.publish(account_wire.margin_call(member.account, stands, self.now_ms))
        for seat in self.seats_of(member):
            seat.expire_all()
        closed_e8 = sum(seat.liquidate(INSURANCE) for seat in self.seats_of(member))
        wallet_e8 = member.account.wallet_e8
        paid_e8 = min(wallet_e8, closed_e8 * LIQUIDATION_FEE_PPM // 1_000_000)
        self.insurance.account.wallet_e8 += paid_e8
        member.pay("", "INSURANCE_CLEAR", -paid_e8, self.now_ms)
        member.publish(account_wire.moved(member.account, "INSURANCE_CLEAR", -paid_e8, self.now_ms))
