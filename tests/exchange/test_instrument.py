"""Instrument grid: decimal text and grid integers are two spellings of one number."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.errors import OffGrid, SettingsError
from exchange.instrument import DecimalGrid, Instrument, e8_from_text, e8_text

steps = st.sampled_from(["0.1", "0.01", "0.001", "0.00001", "0.5", "0.25", "1", "10", "100"])


@given(step=steps, count=st.integers(-(10**12), 10**12))
def test_count_of_text_is_the_count(step: str, count: int) -> None:
    """No number is lost or bent on its way to the wire and back."""
    grid = DecimalGrid(step)

    assert grid.count(grid.text(count)) == count


@given(step=steps, count=st.integers(-(10**12), 10**12))
def test_text_is_exactly_step_times_count(step: str, count: int) -> None:
    """Decimal is the judge; floats would fail from the seventeenth digit."""
    assert Decimal(DecimalGrid(step).text(count)) == Decimal(step) * count


@given(step=steps, count=st.integers(0, 10**9), zeros=st.integers(0, 6))
def test_trailing_zeros_change_nothing(step: str, count: int, zeros: int) -> None:
    """The venue pads prices to more decimals than the tick has."""
    grid = DecimalGrid(step)
    text = grid.text(count)
    padded = text + ("" if "." in text else ".") + "0" * zeros

    assert grid.count(padded) == count


@pytest.mark.parametrize("text", ["0.15", "1e3", "", ".", " 1", "1_0", "nan", "0.1.0", "\u0661"])
def test_text_off_the_grid_is_refused(text: str) -> None:
    """A price that cannot be an order's price is not rounded into one."""
    with pytest.raises(OffGrid):
        DecimalGrid("0.1").count(text)


@pytest.mark.parametrize("step", ["0", "-0.1", "nan", "tick"])
def test_step_must_be_a_positive_decimal(step: str) -> None:
    """A grid without a step would divide by zero at the first price."""
    with pytest.raises(SettingsError):
        DecimalGrid(step)


def test_symbol_is_spelled_as_the_venue_does() -> None:
    """Streams are lower case, messages upper case; comparing needs one of them."""
    assert Instrument.from_steps("btcusdt", "0.1", "0.001").symbol == "BTCUSDT"


def test_tick_lot_is_the_smallest_money_of_a_fill() -> None:
    """0.1 USDT times 0.001 BTC is 0.0001 USDT."""
    assert Instrument.from_steps("BTCUSDT", "0.1", "0.001").tick_lot_e8 == 10_000


def test_tick_lot_finer_than_the_ledger_is_refused() -> None:
    """Money is kept in 1e-8; a contract finer than that cannot be booked exactly."""
    with pytest.raises(SettingsError, match="finer"):
        _ = Instrument.from_steps("X", "0.00001", "0.0001").tick_lot_e8


@given(amount=st.integers(-(10**18), 10**18))
def test_money_survives_its_text(amount: int) -> None:
    """Fees and balances travel as text with eight decimals."""
    assert e8_from_text(e8_text(amount)) == amount
