"""GLFT closed form against the papers' printed values and against its own limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.glft import (
    GlftModel,
    closed_policy,
    glft_c1,
    glft_c2,
    glft_quote,
    glft_rates,
    needs_table,
    skew_per_sigma,
    validity,
)
from tests.engine.models.markets import any_model, calm, steep
from tests.naive import market_maker as naive

positive = st.floats(1e-3, 1e3)


@pytest.mark.parametrize(
    ("q", "bid_depth", "ask_depth"),
    [
        (0, 3.31291519856, 3.31291519856),
        (4, 3.58437852869, 3.04145186844),
        (-3, 3.10931770097, 3.51651269616),
    ],
)
def test_closed_form_gives_the_paper_s_depths(q: int, bid_depth: float, ask_depth: float) -> None:
    """The figures of Guéant, Lehalle & Fernandez-Tapia: gamma .01, k .3, A .9, sigma .3."""
    half_spread, skew, _, _ = glft_quote(0.3, 0.9, 0.3, 0.01, 1.0, 1.0, 1.0)

    assert half_spread + skew * q == pytest.approx(bid_depth, rel=1e-9)
    assert half_spread - skew * q == pytest.approx(ask_depth, rel=1e-9)


@pytest.mark.parametrize(
    ("sigma", "A", "k", "gamma", "delta", "c1", "c2", "half_spread", "skew"),
    [
        (
            *(10.69, 2.986162360812285, 0.04235741115084049, 0.05, 1.0),
            *(15.5904510133, 0.91330857346, 20.4720853384, 9.76326865029),
        ),
        (
            *(4.0, 1.5, 0.08, 0.1, 0.5),
            *(9.71015631563, 1.7160058019, 11.4261621175, 6.86402320759),
        ),
    ],
)
def test_tutorial_form_gives_its_printed_numbers(
    sigma: float,
    A: float,
    k: float,
    gamma: float,
    delta: float,
    c1: float,
    c2: float,
    half_spread: float,
    skew: float,
) -> None:
    """Row one is what the public GLFT tutorial prints."""
    found = glft_quote(sigma, A, k, gamma, delta, 1.0, 1.0)

    assert found == pytest.approx((half_spread, skew, c1, c2), rel=1e-9)


def test_seed_parameters_give_the_reference_s_quote() -> None:
    """The study's fall-back A and k with its gamma, delta, adj1 and adj2 per order."""
    found = glft_quote(10.0, 3.8325354556799747, 0.018222652183273957, 0.3, 3.0, 1.5, 0.03)

    assert found[0] == pytest.approx(147.14443787, rel=1e-9)
    assert found[1] == pytest.approx(1.87481973925, rel=1e-9)


def test_fearless_maker_quotes_the_monopoly_half_spread() -> None:
    """With risk aversion near zero only the depth decay k matters: 1/k."""
    half_spread, skew, _, _ = glft_quote(0.5, 1.0, 0.8, 1e-12, 1.0, 1.0, 1.0)

    assert half_spread == pytest.approx(1 / 0.8, rel=1e-4)
    assert skew == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(
    ("model", "alpha", "eta"),
    [(calm(), 0.000135, 0.325678355847), (steep(), 0.015, 0.06328125)],
)
def test_rates_of_the_exact_solution(model: GlftModel, alpha: float, eta: float) -> None:
    """Cost of inventory and pace of fills, as the reference prints them."""
    assert glft_rates(*model.numbers) == pytest.approx((alpha, eta), rel=1e-9)


@pytest.mark.parametrize(
    ("model", "q", "depths"),
    [
        (calm(), 4, (3.58437852869, 3.04145186844)),
        (steep(), 4, (10.1797881579, -2.80326505702)),
        (calm(gamma=1e-10), 1, (3.333343429092, 3.333329967340)),
        (calm(drift=0.001), 0, (3.23750871797, 3.38832167915)),
        (GlftModel(1.5, 0.08, 4.0, 0.1, 10, delta=0.5), -3, (1.13012730615, 21.7221969289)),
    ],
)
def test_closed_policy_gives_the_reference_s_depths(
    model: GlftModel, q: int, depths: tuple[float, float]
) -> None:
    """Inventory counts fills: the last row stands three fills of half a unit short."""
    assert closed_policy(model).depths(q) == pytest.approx(depths, rel=1e-9)


def test_maker_who_ignores_the_chance_of_fills_quotes_wider() -> None:
    """The tutorial's market with xi = 0: Guéant's model B."""
    A, k = 2.986162360812285, 0.04235741115084049
    c1, c2 = glft_c1(k, 0.0, 1.0), skew_per_sigma(A, k, 0.05, 0.0, 1.0)

    assert (c1, c2) == pytest.approx((23.6086194324, 0.732986257829), rel=1e-9)
    assert c1 + 0.5 * 10.69 * c2 == pytest.approx(27.5264309805, rel=1e-9)
    assert 10.69 * c2 == pytest.approx(7.8356230962, rel=1e-9)


def test_small_risk_aversion_does_not_round_the_half_spread_away() -> None:
    """log(1 + x) forgets a small x: the printed formula is a millionth off at gamma = 1e-12."""
    exact = (1 - 0.5e-12 / 0.3) / 0.3

    assert glft_c1(0.3, 1e-12, 1.0) == pytest.approx(exact, rel=1e-14)
    assert naive.static_half_spread(0.3, 1e-12) != pytest.approx(exact, rel=1e-9)


def test_skew_factor_is_per_lot_and_not_per_coin() -> None:
    """The study's adj2 = 10 multiplies a skew per coin; its order is 0.003 of one.

    Taken for a factor per order it would move the quotes 625 ticks at the first fill.
    """
    study = (10.0, 3.8325354556799747, 0.018222652183273957, 0.3, 3.0, 1.5)
    per_order = glft_quote(*study, 10 * 0.003)[1]
    trap = glft_quote(*study, 10)[1]

    assert per_order == pytest.approx(1.87481973925, rel=1e-9)
    assert trap == pytest.approx(624.939913082, rel=1e-9)


@pytest.mark.parametrize(("model", "a"), [(calm(), 0.020359750), (steep(), 0.486864496)])
def test_validity_number_is_the_skew_of_one_fill_in_units_of_one_over_k(
    model: GlftModel, a: float
) -> None:
    """And equals sqrt(alpha/eta): two ways to the same number."""
    alpha, eta = glft_rates(*model.numbers)

    assert validity(*model.numbers) == pytest.approx(a, rel=1e-7)
    assert validity(*model.numbers) == pytest.approx((alpha / eta) ** 0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("a", "bound", "table"),
    [
        (0.0025, 86, False),  # 86 is least_bound there
        (0.0025, 85, True),  # the bound is felt
        (0.0025, 201, True),  # a times the bound exceeds a half
        (0.1001, 14, True),
        (0.0, 1000, True),
        (float("nan"), 1, True),
    ],
)
def test_closed_form_quotes_only_where_it_is_honest(a: float, bound: int, table: bool) -> None:
    """One fill moves the quotes little, all of them too, and the bound lies far away."""
    assert needs_table(a, bound) == table


def test_least_bound_is_where_the_limit_stops_widening_the_quotes() -> None:
    """4.3 over the root of a, rounded up."""
    assert calm().least_bound == 31


@pytest.mark.parametrize("field", ["A_per_s", "k_per_tick", "sigma_ticks", "gamma", "delta"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_model_of_impossible_numbers_is_refused(field: str, value: float) -> None:
    """A kernel trusts its caller, so its caller must check the input."""
    numbers = {"A_per_s": 1.0, "k_per_tick": 1.0, "sigma_ticks": 1.0, "gamma": 1.0}

    with pytest.raises(ValueError, match=field):
        GlftModel(**(numbers | {field: value}), bound=1)


@pytest.mark.parametrize(("field", "value"), [("xi", -0.1), ("drift", float("nan"))])
def test_model_of_impossible_extras_is_refused(field: str, value: float) -> None:
    """Those with a default are looked at too."""
    with pytest.raises(ValueError, match=field):
        GlftModel(1.0, 1.0, 1.0, 1.0, 1, **{field: value})


def test_model_without_room_for_one_fill_is_refused() -> None:
    """With a bound of 0 there is no quote at all."""
    with pytest.raises(ValueError, match="bound"):
        calm(bound=0)


@given(tick_size=st.floats(0.01, 10), order_qty=st.floats(1e-4, 10))
def test_tick_size_does_not_move_prices_nor_order_unit_depths(
    tick_size: float, order_qty: float
) -> None:
    """The same market and the same taste, stated in money, on another grid."""

    def on_grid(tick_size: float, order_qty: float) -> GlftModel:
        return GlftModel.from_prices(
            tick_size=tick_size,
            order_qty=order_qty,
            A_per_s=0.9,
            k_per_price=0.3,
            sigma_price=0.3,
            gamma_per_money=0.01 / order_qty,
            bound=3,
        )

    fine, coarse = on_grid(tick_size, order_qty), on_grid(1.0, 1.0)

    assert closed_policy(fine).table * tick_size == pytest.approx(
        closed_policy(coarse).table, rel=1e-9, nan_ok=True
    )


@given(any_model)
def test_closed_form_leans_the_same_way_on_both_sides(model: GlftModel) -> None:
    """A spread that never changes: the bid falls by as much as the ask does."""
    table = closed_policy(model).table.reshape(-1, 2)[1:-1]

    assert table.sum(axis=1) == pytest.approx(table[:1].sum(), rel=1e-9)


@pytest.mark.parametrize("x", [1e-16, 1e-9, 0.99e-6, 1.01e-6])
def test_growth_keeps_its_digits_where_the_plain_power_loses_them(x: float) -> None:
    """(1+x)**(1+1/x) tends to e; computed as it stands it returns 1 below x = 1e-16."""
    e_times = 2.718281828459045 * (1 + x / 2)

    assert glft_c2(0.5, 1.0, x, 1.0) ** 2 / x == pytest.approx(e_times, rel=1e-9)


@pytest.mark.parametrize("x", [1e-16, 1e-9])
def test_plain_power_is_the_trap_it_is_said_to_be(x: float) -> None:
    """So the test above would have caught it."""
    assert naive.growth(x) != pytest.approx(2.718281828459045 * (1 + x / 2), rel=1e-9)


@given(sigma=positive, A=positive, k=positive, gamma=positive)
def test_halving_the_tick_leaves_quoted_prices_alone(
    sigma: float, A: float, k: float, gamma: float
) -> None:
    """Depths double in half as large ticks, so prices stay: the unit test of the whole model."""
    coarse = glft_quote(sigma, A, k, gamma, 1.0, 1.0, 1.0)
    fine = glft_quote(2 * sigma, A, k / 2, gamma / 2, 1.0, 1.0, 1.0)

    assert fine[:2] == pytest.approx((2 * coarse[0], 2 * coarse[1]), rel=1e-9)


@given(sigma=positive, A=positive, k=positive, gamma=positive, unit=st.floats(0.1, 10))
def test_counting_inventory_in_other_units_leaves_depths_alone(
    sigma: float, A: float, k: float, gamma: float, unit: float
) -> None:
    """Order quantities or contracts: gamma and delta must follow together."""
    one = glft_quote(sigma, A, k, gamma, 1.0, 1.0, 1.0)
    other = glft_quote(sigma, A, k, gamma / unit, unit, 1.0, 1.0)

    assert other[0] == pytest.approx(one[0], rel=1e-9)
    assert other[1] * unit == pytest.approx(one[1], rel=1e-9)


@given(k=positive, gamma=positive)
def test_more_fear_lowers_the_static_half_spread(k: float, gamma: float) -> None:
    """c1 falls from 1/k towards 0 as gamma grows."""
    assert 0 < glft_c1(k, 2 * gamma, 1.0) < glft_c1(k, gamma, 1.0) <= 1 / k * (1 + 1e-12)
