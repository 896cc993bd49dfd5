"""Account arithmetic, by sums one can do by hand."""

import random

import pytest

from exchange.instrument import E8, Instrument
from exchange.paper.account.account import Account, Holding, Mark, divide_rounded
from exchange.types import Side

BTC = "BTCUSDT"
BUY, SELL = Side.BUY, Side.SELL
USDT = E8


def flat_account(capital_usdt: int = 10_000) -> Account:
    """One tick-lot is 0.0001 USDT; 600,000 ticks are 60,000 USDT."""
    account = Account(capital_usdt * USDT, 0.0002, 0.0005)
    account.holdings[BTC] = Holding(Instrument.from_steps(BTC, "0.1", "0.001"), Mark(60_000 * USDT))
    return account


def test_opening_costs_only_the_fee() -> None:
    """0.010 BTC at 60,000 is 600 USDT; a maker pays 0.02 % of it."""
    account = flat_account()

    booked = account.book_fill(BTC, BUY, 600_000, 10, maker=True)

    assert (booked.realised_e8, booked.fee_e8) == (0, 12 * USDT // 100)
    assert account.wallet_e8 == 10_000 * USDT - booked.fee_e8


def test_a_taker_pays_the_takers_rate() -> None:
    booked = flat_account().book_fill(BTC, SELL, 600_000, 10, maker=False)

    assert booked.fee_e8 == 30 * USDT // 100


def test_adding_averages_the_entry_by_size() -> None:
    """1 lot at 60,000 and 3 lots at 60,100 average 60,075."""
    account = flat_account()

    account.book_fill(BTC, BUY, 600_000, 1, maker=True)
    account.book_fill(BTC, BUY, 601_000, 3, maker=True)

    assert account.holdings[BTC].entry_price_e8 == 60_075 * USDT


def test_reducing_realises_against_the_entry_and_keeps_it() -> None:
    """Half of 0.010 BTC sold 50 USDT higher earns 0.25 USDT."""
    account = flat_account()
    account.book_fill(BTC, BUY, 600_000, 10, maker=True)

    booked = account.book_fill(BTC, SELL, 600_500, 5, maker=True)

    assert booked.realised_e8 == 25 * USDT // 100
    assert (account.holdings[BTC].lots, account.holdings[BTC].entry_price_e8) == (5, 60_000 * USDT)


def test_a_flip_closes_the_old_position_and_opens_at_the_new_price() -> None:
    """Long 10 at 60,000, sell 15 at 59,900: lose 1 USDT, and be short 5 at 59,900."""
    account = flat_account()
    account.book_fill(BTC, BUY, 600_000, 10, maker=True)

    booked = account.book_fill(BTC, SELL, 599_000, 15, maker=False)

    assert booked.realised_e8 == -1 * USDT
    assert (account.holdings[BTC].lots, account.holdings[BTC].entry_price_e8) == (-5, 59_900 * USDT)


def test_a_short_earns_when_the_mark_falls() -> None:
    account = flat_account()
    account.book_fill(BTC, SELL, 600_000, 10, maker=True)

    account.holdings[BTC].mark.price_e8 = 59_000 * USDT

    assert account.unrealised_e8 == 10 * USDT


@pytest.mark.parametrize("seed", range(20))
def test_closing_in_any_pieces_earns_what_the_cash_says(seed: int) -> None:
    """No unit of 1e-8 is made or lost by splitting a position, whatever the average was."""
    draw = random.Random(seed)
    account = flat_account()
    cash_tick_lots = 0
    for _ in range(200):
        side, price, lots = draw.choice(list(Side)), draw.randint(590_000, 610_000), 1
        lots = draw.randint(1, 50)
        cash_tick_lots -= side * price * lots
        account.book_fill(BTC, side, price, lots, maker=draw.random() < 0.5)
    if account.holdings[BTC].lots:
        side, lots = (
            Side(-1 if account.holdings[BTC].lots > 0 else 1),
            abs(account.holdings[BTC].lots),
        )
        cash_tick_lots -= side * 600_000 * lots
        account.book_fill(BTC, side, 600_000, lots, maker=True)

    assert account.holdings[BTC].realised_e8 == cash_tick_lots * 10_000
    assert account.wallet_e8 == 10_000 * USDT + account.holdings[BTC].realised_e8 - account.fees_e8
    assert account.holdings[BTC].cost_e8 == 0


def test_margin_carries_twenty_times_the_balance_and_not_a_lot_more() -> None:
    """At 60,000 USDT, 100 USDT carry 2,000 USDT of notional: 33 lots of 60 USDT."""
    account = flat_account(100)

    assert account.carries(BTC, BUY, 33)
    assert not account.carries(BTC, BUY, 34)


def test_open_orders_count_against_the_margin() -> None:
    account = flat_account(100)
    account.holdings[BTC].bids_lots = 33

    assert not account.carries(BTC, BUY, 1)
    assert account.carries(BTC, SELL, 33)


def test_a_broke_account_may_still_close() -> None:
    account = flat_account(100)
    account.book_fill(BTC, BUY, 600_000, 30, maker=True)
    account.holdings[BTC].mark.price_e8 = 50_000 * USDT

    assert account.carries(BTC, SELL, 30)


def test_reduce_only_never_covers_more_than_the_position() -> None:
    account = flat_account()
    account.book_fill(BTC, BUY, 600_000, 10, maker=True)

    assert account.holdings[BTC].reducible_lots(SELL, 4) == 6
    assert account.holdings[BTC].reducible_lots(SELL, 12) == 0
    assert account.holdings[BTC].reducible_lots(BUY, 0) == 0


def test_halves_round_away_from_zero_on_both_sides() -> None:
    """A rebate is rounded as the fee of the same size would be."""
    assert [divide_rounded(n, 2) for n in (3, -3, 1, -1, 4)] == [2, -2, 1, -1, 2]


def test_the_break_even_price_counts_the_fees_of_the_round() -> None:
    """10 lots of 60 USDT cost 0.12 of fee: 60,000 and 12 USDT more; half sold 50 higher helps."""
    account = flat_account()
    holding = account.holdings[BTC]
    account.book_fill(BTC, BUY, 600_000, 10, maker=True)
    bought = holding.break_even_price_e8

    account.book_fill(BTC, SELL, 600_500, 5, maker=True)

    assert bought == 60_012 * USDT
    # 0.25 earned, 0.12 + 0.06005 paid, over the 0.005 that are left.
    assert holding.break_even_price_e8 == 60_000 * USDT - (25_000_000 - 18_005_000) * 200


def test_a_flip_begins_a_round_with_its_own_share_of_the_fee() -> None:
    """Long 10, sell 15: a third of that fee of 0.18 opened the short of 5."""
    account = flat_account()
    account.book_fill(BTC, BUY, 600_000, 10, maker=True)
    account.book_fill(BTC, SELL, 600_000, 15, maker=True)

    assert account.holdings[BTC].round_e8 == -6 * USDT // 100
    assert account.holdings[BTC].break_even_price_e8 == 59_988 * USDT


def test_a_loss_that_is_not_taken_yet_carries_nothing() -> None:
    """100 USDT less 48 at the mark carry 1,040: ten lots more on the 800 that are held, not 15."""
    account = flat_account(100)
    account.book_fill(BTC, BUY, 600_000, 16, maker=True)
    account.holdings[BTC].mark.price_e8 = 57_000 * USDT

    assert account.margin_balance_e8 < 52 * USDT
    assert account.carries(BTC, BUY, 2)
    assert not account.carries(BTC, BUY, 4)


def test_nothing_is_available_where_more_is_bound_than_there_is() -> None:
    account = flat_account(100)
    account.book_fill(BTC, BUY, 600_000, 30, maker=True)
    account.holdings[BTC].mark.price_e8 = 58_000 * USDT

    assert account.available_e8 == 0


def test_a_large_position_is_liquidated_where_its_own_bracket_says() -> None:
    """500,000 USDT stand in the second bracket: 0.5 % less 300 USDT must be kept."""
    account = flat_account(30_000)
    account.book_fill(BTC, BUY, 600_000, 8_333, maker=True)

    account.holdings[BTC].mark.price_e8 = account.liquidation_price_e8(BTC)

    kept_e8 = account.holdings[BTC].notional_e8 // 200 - 300 * USDT
    assert account.holdings[BTC].maintenance_e8 == kept_e8
    assert account.margin_balance_e8 == pytest.approx(kept_e8, abs=USDT // 100)
