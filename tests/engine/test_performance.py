"""Session performance: what a replay notes, and figures that one can do by hand."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from rich.console import Console

from engine.core import orders
from engine.core.desk_layout import RECV_NS, new_desk
from engine.core.inputs import InputTyper
from engine.core.ledger import move_mid
from engine.core.order_names import OrderName
from engine.core.states import Mode
from engine.core.trader import Trader
from engine.replay.desk_loop import (
    C_HEARD,
    C_MID2,
    C_ORDERS_FILLED,
    CLOCK,
    FILL_WIDTH,
    STEP_WIDTH,
    note_fill,
    note_step,
)
from engine.replay.performance import (
    Fills,
    Performance,
    SessionTally,
    StepSeries,
    audit,
    columns,
    judge,
    maker_figures,
    markouts,
    quote_depths_bps,
    slide_1_7,
    slide_2,
)
from engine.replay.performance_report import as_plain, complaint, tables, without_fills
from engine.replay.recorded_venue import ORDER_WIDTH
from exchange.jit import in_python
from exchange.market_layout import NO_ASK, NO_BID, TOUCH_ASK, TOUCH_BID
from exchange.types import Fill, Side
from tests.engine.core.blocks import WrittenLedger, WrittenTable
from tests.engine.virtual_desk import GRID, SETTINGS

S = 1_000_000_000
EPOCH = int("test", 36)
START_NS = 1_800_000_000 * S
STUDY_EQUITY = [0, 1.2, 0.7, 1.9, 2.6, 2.1, 1.5, 2.4, 3.3, 3.0, 3.9, 4.4, 4.1]
"""Of the reference; what it comes to was run through either original."""


def a_trader() -> Trader:
    return Trader(SETTINGS, GRID, Mode.REPLAY, epoch=EPOCH, own_in_book=False)


def fill(number: int, side: Side, price_ticks: int, lots: int, *, at_s: float = 0.0) -> Fill:
    """A maker's fill at two hundredths of a per cent."""
    now_ns = START_NS + round(at_s * S)
    return Fill(
        recv_ns=now_ns,
        mono_ns=now_ns,
        trade_id=number,
        client_order_id=f"mdesk-test-{number}",
        side=side,
        price_ticks=price_ticks,
        qty_lots=lots,
        maker=True,
        fee_e8=round(price_ticks * lots * GRID.tick_lot_e8 * 0.0002),
        exch_ns=now_ns,
    )


def session(step_s: float, profits: list[float], **columns: list[int]) -> StepSeries:
    """Steps from the start, with a mid of 1000 ticks and nothing held by default."""
    n = len(profits)
    given = {
        "recv_ns": [START_NS + round(i * step_s * S) for i in range(n)],
        "profit_e8": [round(profit * 1e8) for profit in profits],
        "position_lots": [0] * n,
        "mid2": [2000] * n,
        "bid_ticks": [0] * n,
        "ask_ticks": [0] * n,
        **columns,
    }
    return StepSeries(**{name: np.array(column, dtype=np.int64) for name, column in given.items()})


def told(*fills: tuple[float, Side, int, int, int]) -> Fills:
    """Fills as (seconds, side, price in ticks, lots, twice the mid), without a fee."""
    rows = [
        (START_NS + round(at_s * S), side, price_ticks, lots, 1, 0, mid2)
        for at_s, side, price_ticks, lots, mid2 in fills
    ]
    return Fills(*np.array(rows, dtype=np.int64).reshape(-1, len(Fills._fields)).T.copy())


NO_FILLS = told()


def noted_step(trader: Trader) -> list[int]:
    """A step of the timer, as it is noted."""
    row = np.zeros(STEP_WIDTH, dtype=np.int64)
    note_step(trader.desk, trader.market.region, row)
    noted: list[int] = row.tolist()
    return noted


def idle(steps: StepSeries) -> Performance:
    """Of a session without a fill."""
    return judge(a_trader().ledger, GRID, steps, NO_FILLS, SessionTally(), 0, 5000.0)


def set_touch(trader: Trader, touch: tuple[int, int] | None) -> None:
    """Others' touch is now this."""
    bid, ask = touch or (NO_BID, NO_ASK)
    trader.market.region[TOUCH_BID], trader.market.region[TOUCH_ASK] = bid, ask


# ---------------------------------------------------------------- what is noted


def test_a_step_notes_profit_position_and_our_best_quotes() -> None:
    """Bought 2 lots at 9990 under a mid of 10000, which then rose to 10003.

    An order on its way is not yet there, one being cancelled still is.
    """
    trader = a_trader()
    move_mid(trader.desk, 9995, 10005)
    WrittenLedger(trader.desk, GRID.tick_lot_e8).book_fill(fill(1, Side.BUY, 9990, 2))
    move_mid(trader.desk, 9998, 10008)
    set_touch(trader, (9998, 10008))
    for number, (side, price_ticks, state) in enumerate(
        [
            (Side.BUY, 9996, orders.PLACED),
            (Side.BUY, 9994, orders.CANCELLING),
            (Side.BUY, 9992, orders.RESTING),
            (Side.SELL, 10012, orders.ACKED),
            (Side.SELL, 10009, orders.DONE),
        ],
        1,
    ):
        WrittenTable(trader.desk).add(OrderName(EPOCH, number), side, price_ticks, 3, 0, state)
    trader.desk[RECV_NS] = START_NS

    noted = noted_step(trader)

    fee_e8 = round(9990 * 2 * GRID.tick_lot_e8 * 0.0002)
    profit_e8 = (10003 - 9990) * 2 * GRID.tick_lot_e8 - fee_e8
    assert noted == [START_NS, profit_e8, 2, 2 * 10003, 9994, 10012]


def test_a_step_without_a_book_has_no_mid_and_no_quotes() -> None:
    """Zero stands for none, and no price is zero."""
    noted = noted_step(a_trader())

    steps = StepSeries(*np.array([noted]).T)
    assert steps.mid2.tolist() == [0]
    assert np.isnan(quote_depths_bps(steps)).all()


def test_a_fill_is_marked_by_the_last_mid_that_there_was() -> None:
    """As in the ledger, also while the book is lost; before any mid, by its own price."""
    clock, told_rows = np.zeros(CLOCK, dtype=np.int64), np.zeros(2 * FILL_WIDTH, dtype=np.int64)
    of_orders, typer = np.zeros(9 * ORDER_WIDTH, dtype=np.int64), InputTyper(GRID)
    note = in_python(note_fill)

    note(clock, of_orders, told_rows, typer.row(fill(1, Side.BUY, 9990, 2)))
    clock[C_MID2] = 9995 + 10006
    note(clock, of_orders, told_rows, typer.row(fill(2, Side.SELL, 10010, 3)))

    noted = Fills(*told_rows.reshape(2, FILL_WIDTH).T)
    assert noted.mid2.tolist() == [2 * 9990, 9995 + 10006]
    assert noted.side.tolist() == [1, -1]
    assert clock[C_HEARD] == clock[C_ORDERS_FILLED] == 2


def test_an_order_filled_in_parts_is_one_order_filled() -> None:
    clock, told_rows = np.zeros(CLOCK, dtype=np.int64), np.zeros(2 * FILL_WIDTH, dtype=np.int64)
    of_orders, typer = np.zeros(9 * ORDER_WIDTH, dtype=np.int64), InputTyper(GRID)
    part = fill(1, Side.BUY, 9990, 2)

    for trade_id in (1, 2):
        row = typer.row(structs.replace(part, trade_id=trade_id))
        in_python(note_fill)(clock, of_orders, told_rows, row)

    assert (clock[C_HEARD], clock[C_ORDERS_FILLED]) == (2, 1)


def test_a_day_of_steps_takes_48_bytes_each() -> None:
    """864,000 of them: 41 MB. A row of Python objects took ten times that."""
    assert STEP_WIDTH * np.dtype(np.int64).itemsize == 48


def test_columns_are_copies_of_the_rows_that_there_are() -> None:
    rows = np.arange(12)

    found = columns(rows, 2, 3)

    assert found.tolist() == [[0, 3], [1, 4], [2, 5]]
    rows[:] = 0
    assert found[0].tolist() == [0, 3]


def test_shares_are_counted_by_orders_and_by_lots() -> None:
    """Four orders of 3 lots; one filled whole in two parts, one by a third; one refused."""
    tally = SessionTally(
        orders=4, cancels=1, ordered_lots=12, orders_filled=2, refusals={-5022: 1, -2011: 1}
    )
    parts = told(*((0.0, Side.BUY, 9990, lots, 19980) for lots in (1, 2, 1)))

    found = maker_figures(session(1.0, []), parts, tally)

    assert (found.fill_ratio, found.orders_filled) == pytest.approx((4 / 12, 2 / 4))
    assert found.orders_per_fill == pytest.approx(4 / 3)
    assert (found.post_only_refused, found.cancels_refused) == (0.25, 1.0)
    assert found.maker_share == 1.0


def test_a_taker_s_fill_lowers_the_maker_share_by_its_value() -> None:
    """One lot as maker, three as taker, at one price."""
    both = told((0.0, Side.BUY, 9990, 1, 19980), (0.0, Side.SELL, 9990, 3, 19980))
    shares = [
        maker_figures(session(1.0, []), both._replace(maker=np.array(maker)), SessionTally())
        for maker in ([1, 1], [1, 0])
    ]

    assert [found.maker_share for found in shares] == pytest.approx([1.0, 0.25])


# ---------------------------------------------------------------- the slides


def test_slide_by_the_older_definition_is_the_original_s() -> None:
    """The reference's hour, sampled as it was there, on a capital of 1000."""
    found = slide_1_7(session(300.0, STUDY_EQUITY), NO_FILLS, GRID, 1000.0)

    assert found["sharpe"] == pytest.approx(154.034250936, rel=1e-9)
    assert found["sortino"] == pytest.approx(825.674808196, rel=1e-9)
    assert found["annualised_return_pct"] == pytest.approx(3591.6)
    assert found["max_drawdown_pct"] == pytest.approx(0.11)
    assert found["risk_return_ratio"] == pytest.approx(32650.9090909)
    assert found["sharpe_error"] == pytest.approx(math.sqrt(365 * 24))
    assert found["differences"] == 12


def test_slide_by_the_newer_definition_is_the_original_s() -> None:
    """The same curve in steps of 10 s: Sharpe and Sortino are 30 ** 0.5 times as large."""
    found = slide_2(session(10.0, STUDY_EQUITY), NO_FILLS, GRID, 1000.0)

    assert found["sharpe"] == pytest.approx(154.034250936 * 30**0.5, rel=1e-9)
    assert found["sortino"] == pytest.approx(376.287022201 * 30**0.5, rel=1e-9)
    assert found["return_over_drawdown"] == pytest.approx(3.72727272727)
    assert found["return_pct"] == pytest.approx(0.41)
    assert found["annualised_return_pct"] == pytest.approx(0.41 * 365 * 86400 / 120)


def test_leverage_is_of_every_record_or_of_every_tenth_second() -> None:
    """The reference's positions; in 10 s steps only the last of each is seen."""
    lots, mid2 = [0, 3, 6, -3, 9], [740000, 740200, 739800, 740400, 741000]
    steps = session(2.5, [0.0] * 5, position_lots=lots, mid2=mid2)

    old, new = (slide(steps, NO_FILLS, GRID, 300.0) for slide in (slide_1_7, slide_2))

    assert (old["max_leverage"], old["median_leverage"]) == pytest.approx((1.1115, 0.3702))
    assert new["max_leverage"] == pytest.approx(1.1115)
    shorter = StepSeries(*(column[:4] for column in steps))
    assert slide_1_7(shorter, NO_FILLS, GRID, 300.0)["max_leverage"] == pytest.approx(0.7398)
    assert slide_2(shorter, NO_FILLS, GRID, 300.0)["max_leverage"] == pytest.approx(0.3702)


def test_trades_a_day_are_two_numbers() -> None:
    """Two fills of 3 lots at 60000 in a minute: 2880 a day, or the mean of 0, 1, 1, 2, 2, 2.

    The older definition means every record's own last day, of which it saw a minute.
    """
    steps = session(10.0, [0.0] * 7)
    fills = told((15.0, Side.BUY, 600_000, 3, 0), (40.0, Side.SELL, 600_000, 3, 0))

    old, new = (slide(steps, fills, GRID, 1000.0) for slide in (slide_1_7, slide_2))

    assert new["trades_per_day"] == pytest.approx(2 * 1440)
    assert new["volume_per_day"] == pytest.approx(0.006 * 1440)
    assert new["amount_per_day_usdt"] == pytest.approx(360 * 1440)
    assert old["trades_per_day"] == pytest.approx(8 / 6)
    assert old["volume_per_day"] == pytest.approx(8 / 6 * 0.003)
    assert old["amount_per_day_usdt"] == pytest.approx(8 / 6 * 180)


def test_a_fill_after_the_last_record_is_in_neither_slide() -> None:
    """Records are all that the originals see."""
    steps = session(10.0, [0.0] * 7)
    late = told((61.0, Side.BUY, 600_000, 3, 0))

    assert slide_1_7(steps, late, GRID, 1000.0)["trades_per_day"] == 0.0
    assert slide_2(steps, late, GRID, 1000.0)["trades_per_day"] == 0.0


# ---------------------------------------------------------------- the fills


def test_markouts_of_two_fills_by_hand() -> None:
    """Bought 1 at 995 under a mid of 1000, sold 3 at 1004: the mid is 990 a second later.

    The buy keeps 990 - 995 = -5 of its 5, the sale 1004 - 990 = 14 of its 4.
    """
    mid2 = [2000] * 10 + [1980] * 40
    steps = session(0.1, [0.0] * 50, mid2=mid2)

    found = markouts(steps, told((0.0, Side.BUY, 995, 1, 2000), (0.0, Side.SELL, 1004, 3, 2000)))

    second = found["1_s"]
    assert (second.effective, second.realised) == pytest.approx((17 / 4, 37 / 4))
    assert second.adverse == pytest.approx(-5.0)
    assert (second.n, second.left_out) == (2, 0)
    assert (found["5_s"].n, found["30_s"].left_out) == (0, 2)


def test_effective_half_spread_is_the_spread_part_of_the_profit() -> None:
    """Ticks a lot, times the lots: the two are marked by one mid, the ledger's."""
    trader, fills = a_trader(), []
    for number, (bid, ask) in enumerate([(9995, 10006), (9990, 9999), (10001, 10002)]):
        move_mid(trader.desk, bid, ask)
        done = fill(number, Side.SELL, ask - 1, number + 1)
        WrittenLedger(trader.desk, GRID.tick_lot_e8).book_fill(done)
        fills.append((0.0, done.side, done.price_ticks, done.qty_lots, bid + ask))

    found = markouts(session(1.0, [0.0] * 60), told(*fills))["1_s"]

    assert found.effective * 6 * GRID.tick_lot_e8 == pytest.approx(trader.ledger.spread_e8)


def test_no_mid_at_the_horizon_leaves_the_fill_out() -> None:
    """The book was lost then; the mid before is no later mid."""
    steps = session(0.1, [0.0] * 20, mid2=[2000] * 8 + [0] * 12)

    found = markouts(steps, told((0.0, Side.BUY, 995, 1, 2000)))["1_s"]

    assert (found.n, found.left_out) == (0, 1)


def test_uptime_wants_both_sides_within_5_bp() -> None:
    """Of a mid of 60000.0 that is 300 ticks; four steps, the last of which only ends the third."""
    steps = session(
        1.0,
        [0.0] * 4,
        mid2=[1_200_000] * 4,
        bid_ticks=[599_700] * 4,
        ask_ticks=[600_300, 600_301, 0, 600_300],
    )

    found = maker_figures(steps, NO_FILLS, SessionTally())

    assert found.uptime == pytest.approx(1 / 3)
    assert found.bid_depth_bps == pytest.approx(5.0)


def test_uptime_grants_two_ticks_where_a_tick_is_coarse() -> None:
    """A coin at 1.2355 in ticks of 0.001: 8 bp a tick, so that none could stand within 5."""
    steps = session(
        1.0, [0.0] * 3, mid2=[2471] * 3, bid_ticks=[1234] * 3, ask_ticks=[1237, 1238, 1237]
    )

    found = maker_figures(steps, NO_FILLS, SessionTally())

    assert found.uptime == pytest.approx(1 / 2)
    assert found.uptime_within_bps == pytest.approx(2 / 1235.5 * 1e4)


def test_half_life_is_of_one_second_samples() -> None:
    """Inventory that halves every two seconds, sampled ten times a second."""
    lots = [round(1e6 * 0.5 ** (i // 10 / 2)) for i in range(200)]

    steps = session(0.1, [0.0] * 200, position_lots=lots)
    found = maker_figures(steps, NO_FILLS, SessionTally())

    assert found.inventory_half_life_s == pytest.approx(2.0, rel=1e-3)


# ---------------------------------------------------------------- the audit

happenings = st.lists(
    st.one_of(
        st.tuples(st.just("mid"), st.integers(990, 1010), st.integers(1, 4)),
        st.tuples(st.sampled_from(Side), st.integers(985, 1015), st.integers(1, 9)),
    ),
    max_size=60,
)


@settings(deadline=None)  # the first kernel call may compile
@given(happened=happenings)
def test_profit_is_cash_and_stock_whatever_happens(happened: list[tuple[Any, int, int]]) -> None:
    """Exactly; and each part is what the model makes of the same fills."""
    ledger, mid2, rows = WrittenLedger(new_desk(), GRID.tick_lot_e8), 2001, []
    ledger.move_mid(1000, 1001)
    for number, (what, price_ticks, size) in enumerate(happened):
        if what == "mid":
            ledger.move_mid(price_ticks, price_ticks + size)
            mid2 = 2 * price_ticks + size
        else:
            done = fill(number, what, price_ticks, size)
            ledger.book_fill(done)
            rows.append((0, what, price_ticks, size, 1, done.fee_e8, mid2))
    fills = Fills(*np.array(rows, dtype=np.int64).reshape(-1, len(Fills._fields)).T.copy())

    found = audit(fills, mid2, ledger, GRID.tick_lot_e8)

    assert found.ledger_usdt == found.cash_and_stock_usdt
    assert found.holds


def test_a_position_from_nowhere_is_noticed_and_told() -> None:
    """No fill explains it; a report that kept silent would be believed."""
    ledger = WrittenLedger(new_desk(), GRID.tick_lot_e8)
    ledger.move_mid(1000, 1002)
    ledger.adopt_position(5, 5 * 1001 * GRID.tick_lot_e8, 0)
    ledger.move_mid(1010, 1012)

    found = audit(NO_FILLS, 2022, ledger, GRID.tick_lot_e8)

    assert not found.holds
    assert found.apart_usdt == pytest.approx(0.005)
    assert "does NOT add up: the ledger says +0.00500000 USDT, cash and stock +0.0" in complaint(
        found
    )


# ---------------------------------------------------------------- undefined


@pytest.mark.parametrize("steps", [0, 1])
def test_without_two_samples_everything_is_undefined(steps: int) -> None:
    """Null for a program: not zero, and never the NaN that JSON does not know."""
    noted = np.array([noted_step(a_trader())] * steps, dtype=np.int64)

    plain = as_plain(idle(StepSeries(*noted.reshape(steps, STEP_WIDTH).T.copy())))

    known = {"resample_s", "days_a_year", "differences"}
    for slide in (plain["hftbacktest_1_7_1"], plain["hftbacktest_2"]):
        assert {key for key, value in slide.items() if value is not None} == known & set(slide)
    assert [key for key, value in plain["maker"].items() if value is not None] == [
        "uptime_within_bps"
    ]
    assert all(found["realised_ticks"] is None for found in plain["markouts"].values())
    assert plain["audit"]["holds"]


def test_an_idle_session_has_no_ratio() -> None:
    """Its equity neither rose nor fell: every denominator is nought."""
    steps = session(0.1, [0.0] * 9000)

    old, new = (slide(steps, NO_FILLS, GRID, 1000.0) for slide in (slide_1_7, slide_2))

    for name in ("sharpe", "sharpe_error", "sortino", "risk_return_ratio"):
        assert math.isnan(old[name])
    for name in ("sharpe", "sharpe_error", "sortino", "return_over_drawdown"):
        assert math.isnan(new[name])
    assert old["max_drawdown_pct"] == new["return_pct"] == old["trades_per_day"] == 0.0


# ---------------------------------------------------------------- shown


def test_tables_fit_a_terminal_and_say_undefined() -> None:
    """Eighty columns, each definition under its own name; a blank where one has no such figure."""
    performance = idle(session(1.0, []))
    console = Console(width=80)

    with console.capture() as captured:
        for table in tables(performance):
            console.print(table)

    text = captured.get()
    assert max(map(len, text.splitlines())) <= 80
    assert "hftbacktest 1.7.1" in text
    assert "metrics, 10 s, 365 days" in text
    lines = {line[:29].strip(): line for line in text.splitlines()}
    assert lines["Sharpe ratio"].count("undefined") == 2
    assert lines["median leverage"].count("undefined") == 1


def test_a_ratio_of_two_differences_is_not_printed() -> None:
    """Whatever it comes to: two steps have a deviation, but it is that of an accident."""
    few = slide_1_7(session(300.0, [0.0, 1.2, 0.7]), NO_FILLS, GRID, 1000.0)
    judged = replace(idle(session(1.0, [])), slide_1_7=few)
    console = Console(width=80)

    with console.capture() as captured:
        console.print(next(iter(tables(judged))))

    lines = {line[:29].strip(): line for line in captured.get().splitlines()}
    assert few["sharpe"] == pytest.approx(0.35 / 1.20208 * math.sqrt(365 * 288), rel=1e-4)
    for name in ("Sharpe ratio", "standard error"):
        assert "too few: 2 of 30" in lines[name]
    assert lines["differences of equity"].split()[-2:] == ["2", "0"]


def test_a_desk_that_was_never_filled_gets_one_sentence() -> None:
    """With how long it stood there for it."""
    maker = replace(idle(session(1.0, [])).maker, uptime=0.943)

    assert without_fills(maker) == (
        "no fill, hence no statistics; both sides within 5 bp of the mid: 94.3% of the time"
    )
