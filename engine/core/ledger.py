"""Profit ledger in exact integers: what each fill and each move of the mid was worth.

The unit inside is half a tick times a lot, so that a mid between two ticks stays whole.
At every moment

    total = spread + inventory - fees - funding

where *spread* is what fills earned against the mid of their moment, and *inventory* what
the position then earned as the mid moved. The identity holds to the last unit because the
mid of every fill is also a point of the path: the mid moves first, then the fill is booked.
"""

from engine.core.desk_layout import (
    ADOPTIONS_ADDED,
    ADOPTIONS_KEPT,
    COST_E8,
    FEES_E8,
    FILLED_MONO_NS,
    FILLS,
    FUNDING_E8,
    INVENTORY2,
    MAKER_FILLS,
    MID2,
    NO_MID,
    OFF_TICK_E8,
    PEAK_E8,
    POSITION_LOTS,
    REALISED_E8,
    SPREAD2,
    TICK_LOT_E8,
    VOLUME_E8,
    adoption_row,
)
from engine.core.position import (
    adopt_base,
    book_execution,
    knows_trade,
)
from engine.models.roundtrip import (
    break_even_ask_ticks,
    break_even_bid_ticks,
    unit_cost,
    unit_proceeds,
)
from exchange.instrument import E8
from exchange.jit import IntArray, borrowed, njit, piece


@njit
def earned_by_trading_e8(desk: IntArray) -> int:
    """Profit of fills and of moves of the mid, before fees and funding."""
    return int((desk[SPREAD2] + desk[INVENTORY2]) * desk[TICK_LOT_E8] // 2 - desk[OFF_TICK_E8])


@njit
def total_e8(desk: IntArray) -> int:
    """Profit since the start, at the present mid."""
    return int(earned_by_trading_e8(desk) - desk[FEES_E8] - desk[FUNDING_E8])


@njit
def move_mid(desk: IntArray, bid_ticks: int, ask_ticks: int) -> None:
    """The mid is now halfway between these."""
    mid2 = bid_ticks + ask_ticks
    if desk[MID2] != NO_MID:
        desk[INVENTORY2] += desk[POSITION_LOTS] * (mid2 - desk[MID2])
    desk[MID2] = mid2
    desk[PEAK_E8] = max(desk[PEAK_E8], total_e8(desk))


@njit
def book_fill(
    desk: IntArray,
    trade_id: int,
    exch_ns: int,
    side: int,
    price_ticks: int,
    qty_lots: int,
    off_tick_e8: int,
    fee_e8: int,
    maker: bool,
    epoch: int,
    number: int,
    mono_ns: int,
) -> bool:
    """Book one execution, once.

    Args:
        off_tick_e8: What one that is not at a whole tick paid beyond ``price_ticks``.
        epoch: Of the order of ours that it filled, as its ``number``; 0 of none.

    Returns:
        False when this trade was booked before, or is part of what we started from.
    """
    desk = borrowed(desk)
    if knows_trade(desk, trade_id, exch_ns):
        return False
    if desk[MID2] == NO_MID:
        desk[MID2] = 2 * price_ticks
    lots = side * qty_lots
    desk[SPREAD2] += lots * (_mid2_of(desk, exch_ns) - 2 * price_ticks)
    desk[OFF_TICK_E8] += side * off_tick_e8
    money_e8 = lots * price_ticks * desk[TICK_LOT_E8] + side * off_tick_e8
    book_execution(desk, trade_id, exch_ns, lots, money_e8, epoch, number)
    desk[FEES_E8] += fee_e8
    desk[FILLS] += 1
    desk[MAKER_FILLS] += 1 if maker else 0
    desk[VOLUME_E8] += abs(money_e8)
    desk[FILLED_MONO_NS] = max(desk[FILLED_MONO_NS], mono_ns)
    desk[PEAK_E8] = max(desk[PEAK_E8], total_e8(desk))
    return True


@piece
def _mid2_of(desk: IntArray, exch_ns: int) -> int:
    """The mid that a fill is held against: the present one, or that of an adoption.

    What an adopted position holds already has moved with the mid since then.
    """
    added = desk[ADOPTIONS_ADDED]
    for number in range(max(added - ADOPTIONS_KEPT, 0), added):
        row = adoption_row(desk, number)
        if exch_ns <= row[0]:
            return int(row[1])
    return int(desk[MID2])


@njit
def adopt_position(desk: IntArray, position_lots: int, cost_e8: int, exch_ns: int) -> None:
    """Adopt the venue's position as of a stamp, at no profit."""
    adopt_base(desk, position_lots, cost_e8, exch_ns)
    if desk[MID2] != NO_MID:
        row = adoption_row(desk, desk[ADOPTIONS_ADDED])
        row[0], row[1] = exch_ns, desk[MID2]
        desk[ADOPTIONS_ADDED] += 1


class Ledger:
    """Position and profit since the engine started: a reader of the desk block.

    Args:
        desk: int64[DESK_SIZE].
        tick_lot_e8: Money of one tick times one lot, in 1e-8 of the quote asset.
    """

    def __init__(self, desk: IntArray, tick_lot_e8: int) -> None:
        self._desk = desk
        desk[TICK_LOT_E8] = tick_lot_e8

    @property
    def position_lots(self) -> int:
        return int(self._desk[POSITION_LOTS])

    @property
    def cost_e8(self) -> int:
        """What the open position was bought for; negative for a short's proceeds."""
        return int(self._desk[COST_E8])

    @property
    def realised_e8(self) -> int:
        """Closed profit by average entry price, before fees: what moves the wallet."""
        return int(self._desk[REALISED_E8])

    @property
    def earned_e8(self) -> int:
        """What trading has done to the wallet."""
        return self.realised_e8 - self.fees_e8

    @property
    def fees_e8(self) -> int:
        return int(self._desk[FEES_E8])

    @property
    def funding_e8(self) -> int:
        """Paid."""
        return int(self._desk[FUNDING_E8])

    @property
    def fills(self) -> int:
        return int(self._desk[FILLS])

    @property
    def maker_fills(self) -> int:
        return int(self._desk[MAKER_FILLS])

    @property
    def volume_e8(self) -> int:
        return int(self._desk[VOLUME_E8])

    @property
    def spread_e8(self) -> int:
        desk = self._desk
        return int(desk[SPREAD2] * desk[TICK_LOT_E8] // 2 - desk[OFF_TICK_E8])

    @property
    def inventory_e8(self) -> int:
        return self.total_e8 - self.spread_e8 + self.fees_e8 + self.funding_e8

    @property
    def total_e8(self) -> int:
        """Profit since the start, at the present mid."""
        return total_e8(self._desk)

    @property
    def peak_e8(self) -> int:
        return int(self._desk[PEAK_E8])

    @property
    def drawdown_e8(self) -> int:
        return self.peak_e8 - self.total_e8

    def break_even_ticks(self, maker_fee_rate: float) -> int | None:
        """Nearest price at which closing all that is held, as maker, loses nothing.

        The entry is taken at the present fee too: what was paid for it is in ``fees_e8``,
        with everything else.

        Args:
            maker_fee_rate: Of the notional, a rebate negative.

        Returns:
            None without a position.
        """
        if self.position_lots == 0:
            return None
        entry_ticks = self.cost_e8 / self.position_lots / int(self._desk[TICK_LOT_E8])
        if self.position_lots > 0:
            return break_even_ask_ticks(unit_cost(entry_ticks, -maker_fee_rate), -maker_fee_rate, 1)
        return break_even_bid_ticks(unit_proceeds(entry_ticks, -maker_fee_rate), -maker_fee_rate, 1)


def usdt(amount_e8: int) -> float:
    """For display only."""
    return amount_e8 / E8
