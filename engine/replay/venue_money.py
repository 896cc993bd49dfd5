"""Money of a recorded venue: our account there, as the embedded exchange keeps its books.

Not in the engine's ledger, so that the desk's reconciliation compares two counts that were made
apart.
"""

from exchange.instrument import E8, Instrument
from exchange.paper.account.account import Account, Holding, Mark, divide_rounded
from exchange.types import Side


class VenueMoney:
    """Wallet and position at a recorded venue, where every fill is a maker's.

    Args:
        wallet_e8: What the account starts with.
    """

    def __init__(self, instrument: Instrument, wallet_e8: int, maker_fee_rate: float) -> None:
        self.wallet_changed_ns = 0
        """By the venue's clock; 0 before the first fill or funding."""
        self._instrument = instrument
        self._account = Account(wallet_e8, maker_fee_rate, 0.0)
        self._holding = Holding(instrument, Mark())
        self._account.holdings[instrument.symbol] = self._holding

    @property
    def wallet_e8(self) -> int:
        return self._account.wallet_e8

    @property
    def held(self) -> tuple[int, int]:
        """The position in lots, and what it cost by its entry price, in 1e-8."""
        lots, entry_price_e8 = self._holding.lots, self._holding.entry_price_e8
        return lots, self._instrument.value_e8(lots, entry_price_e8)

    def book_fill(self, side: int, price_ticks: int, lots: int, exch_ns: int) -> int:
        """Book one fill; its fee in 1e-8."""
        booked = self._account.book_fill(
            self._instrument.symbol, Side(side), price_ticks, lots, maker=True
        )
        self.wallet_changed_ns = exch_ns
        return booked.fee_e8

    def pay_funding(self, mark_e8: int, rate_e8: int, at_ns: int) -> int:
        """On what is held, at this mark price; what was paid, in 1e-8."""
        self._holding.mark.price_e8 = mark_e8
        paid_e8 = divide_rounded(self._holding.notional_e8 * rate_e8, E8)
        if paid_e8 != 0:
            self._account.wallet_e8 -= paid_e8
            self.wallet_changed_ns = at_ns
        return paid_e8
