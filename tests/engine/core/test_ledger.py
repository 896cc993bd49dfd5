"""Profit ledger: the money adds up to the last unit, on every path, and once per trade."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.desk_layout import new_desk
from exchange.types import Fill, Side
from tests.engine.core.blocks import WrittenLedger

TICK_LOT_E8 = 10_000  # 0.1 USDT a tick times 0.001 BTC a lot


def a_ledger(tick_lot_e8: int = TICK_LOT_E8) -> WrittenLedger:
    return WrittenLedger(new_desk(), tick_lot_e8)


def fill(
    trade_id: int, side: Side, price_ticks: int, lots: int, fee_e8: int = 0, *, maker: bool = True
) -> Fill:
    return Fill(
        recv_ns=0,
        mono_ns=0,
        trade_id=trade_id,
        client_order_id=f"mdesk-x-{trade_id}",
        side=side,
        price_ticks=price_ticks,
        qty_lots=lots,
        maker=maker,
        fee_e8=fee_e8,
        exch_ns=0,
    )


steps = st.lists(
    st.one_of(
        st.tuples(st.integers(990, 1010), st.integers(1, 5)),
        st.tuples(
            st.sampled_from(list(Side)),
            st.integers(990, 1010),
            st.integers(1, 9),
            st.integers(-50, 50),
        ),
    ),
    max_size=60,
)


@given(steps)
def test_total_is_cash_plus_position_at_the_mid_on_every_path(steps: list[tuple[int, ...]]) -> None:
    """The split into spread, inventory and fees loses nothing against plain bookkeeping."""
    ledger = a_ledger()
    ledger.move_mid(999, 1001)
    cash_e8, position, mid2 = 0, 0, 2000
    for number, step in enumerate(steps):
        if len(step) == 2:
            bid, spread = step
            mid2 = 2 * bid + spread
            ledger.move_mid(bid, bid + spread)
            continue
        side, price, lots, fee_e8 = step
        ledger.book_fill(fill(number, Side(side), price, lots, fee_e8))
        cash_e8 -= side * price * lots * TICK_LOT_E8 + fee_e8
        position += side * lots

    assert ledger.position_lots == position
    assert ledger.total_e8 == cash_e8 + position * mid2 * TICK_LOT_E8 // 2
    assert ledger.total_e8 == ledger.spread_e8 + ledger.inventory_e8 - ledger.fees_e8


def test_the_reference_s_example_splits_as_printed() -> None:
    """Mid 100, buy at 99.95, ... in ticks of 0.05 and lots of one: spread .2, inventory .6."""
    ledger = a_ledger(5_000_000)
    ledger.move_mid(2000, 2000)
    ledger.book_fill(fill(1, Side.BUY, 1999, 1, 1_999_000))
    ledger.move_mid(2004, 2004)
    ledger.book_fill(fill(2, Side.SELL, 2005, 1, 2_005_000))
    ledger.move_mid(2002, 2002)
    ledger.book_fill(fill(3, Side.SELL, 2003, 2, 4_006_000))
    ledger.pay_funding(-2_002_000)
    ledger.move_mid(1998, 1998)

    assert ledger.spread_e8 == 20_000_000
    assert ledger.inventory_e8 == 40_000_000 + 20_000_000
    assert -ledger.fees_e8 == -8_010_000
    assert ledger.total_e8 == 73_992_000


def test_a_trade_that_arrives_twice_is_booked_once() -> None:
    """The stream and a later query report the same fill."""
    ledger = a_ledger()

    first = ledger.book_fill(fill(7, Side.BUY, 1000, 3))
    second = ledger.book_fill(fill(7, Side.BUY, 1000, 3))

    assert (first, second) == (True, False)
    assert ledger.position_lots == 3


def test_realised_profit_follows_the_average_entry_through_a_flip() -> None:
    """Long 2 at 1000 and 1002; selling 3 at 1004 closes both at 3 a piece and opens one short."""
    ledger = a_ledger()
    ledger.book_fill(fill(1, Side.BUY, 1000, 1))
    ledger.book_fill(fill(2, Side.BUY, 1002, 1))

    ledger.book_fill(fill(3, Side.SELL, 1004, 3))

    assert ledger.realised_e8 == 6 * TICK_LOT_E8
    assert ledger.position_lots == -1


def test_adopting_a_position_makes_no_profit() -> None:
    """What the venue holds and we never saw is taken at the mid."""
    ledger = a_ledger()
    ledger.move_mid(1000, 1002)

    ledger.adopt_position(-40, -40 * 1001 * TICK_LOT_E8, 0)

    assert ledger.total_e8 == 0
    assert ledger.position_lots == -40


def test_a_fill_that_an_adopted_position_holds_is_held_against_the_mid_of_its_adoption() -> None:
    """What it earned with the mid since then is in the position already."""
    ledger = a_ledger()
    ledger.move_mid(1000, 1002)
    ledger.adopt_position(5, 5 * 1001 * TICK_LOT_E8, 10)
    ledger.move_mid(1010, 1012)

    ledger.book_fill(fill(1, Side.BUY, 1001, 5))

    assert ledger.spread_e8 == 0
    assert ledger.total_e8 == 5 * 10 * TICK_LOT_E8


@pytest.mark.parametrize(("side", "sign"), [(Side.BUY, 1), (Side.SELL, -1)])
def test_an_open_position_earns_with_the_mid(side: Side, sign: int) -> None:
    """Two half ticks up are one tick for each lot held."""
    ledger = a_ledger()
    ledger.move_mid(1000, 1002)
    ledger.book_fill(fill(1, side, 1001, 5))

    ledger.move_mid(1001, 1003)

    assert ledger.inventory_e8 == sign * 5 * TICK_LOT_E8


@pytest.mark.parametrize(
    ("side", "fee_rate", "break_even"),
    [
        (Side.BUY, 0.0, 1003),  # 1002.5, up to the tick
        (Side.BUY, 0.001, 1005),  # both ways at a tenth of a per cent: 1004.507
        (Side.BUY, -0.001, 1001),  # a rebate lets us sell below the entry
        (Side.SELL, 0.0, 1002),
        (Side.SELL, 0.001, 1000),
    ],
)
def test_break_even_is_the_nearest_tick_that_loses_nothing(
    side: Side, fee_rate: float, break_even: int
) -> None:
    """Average entry 1002.5; rounded away from us, fees of both ways included."""
    ledger = a_ledger()
    ledger.book_fill(fill(1, side, 1000, 2))
    ledger.book_fill(fill(2, side, 1005, 2))

    assert ledger.break_even_ticks(fee_rate) == break_even


def test_a_flat_desk_has_no_break_even() -> None:
    """Nothing is held, so nothing is to be closed."""
    assert a_ledger().break_even_ticks(0.0002) is None
