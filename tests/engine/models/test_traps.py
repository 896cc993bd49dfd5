"""Model traps of the reference, each sprung on purpose: a model that fell into one fails here.

Those of one formula stand beside it: log(1 + x) and the plain power in ``test_glft``, the
eigenvector's tail in ``test_spectral``, the eigen-expansion in ``test_horizon``, the printed
ask in ``test_avellaneda``, half ticks and saturation in ``test_tutorial_intensity``. Here are
those of the whole desk, through what it quotes with.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.config.desk import load_config
from engine.core.calibration import Calibrator, Fit
from engine.core.desk_layout import (
    BOTH_FIT,
    COUNTS_ARRIVALS,
    MONO_NS,
    fit_row,
    new_desk,
    new_reals,
)
from engine.core.fill_intensity import count_print, read_intensities, watch_sides
from engine.core.quoter import Offsets, Tuning, offsets
from engine.core.settings import STEP_NS, DeskSettings
from engine.models.glft import glft_rates
from engine.models.intensity import SideFit
from engine.models.level_intensity import side_fit_of
from engine.models.tutorial_intensity import unsaturated_rate
from exchange.jit import in_python
from exchange.types import Side
from tests.engine.virtual_desk import SETTINGS
from tests.naive import market_maker as naive

STUDY = Path(__file__).resolve().parents[3] / "configs" / "study.toml"
FALL_BACK = Fit(3.8325354556799747, 0.018222652183273957, 10.0, "fit", 0, 1000)
"""A, k and sigma of the study's public code."""
BTC_PER_ORDER = 0.003
A, K = 4.0, 0.35
"""Of the market that the desk counts: a second and side, and per tick."""


def study_settings() -> DeskSettings:
    return load_config(STUDY).desk_settings()


def study_offsets(*, bound: int | None = None, **changed: float) -> Offsets:
    """What the desk would quote by with the study's file, but for some numbers."""
    settings = study_settings()
    tuning = Tuning(settings.gamma, settings.delta, settings.adj1, settings.adj2)
    tuning = replace(tuning, **changed)
    found = offsets(FALL_BACK, tuning, bound or settings.bound(tuning.delta))
    assert found is not None
    return found


def closed_skew(at: Offsets) -> float:
    """Ticks per order quantity by the closed form, as the study quoted."""
    return FALL_BACK.sigma_ticks * at.c2 * at.tuning.adj2


def test_study_s_file_says_the_skew_per_order_and_not_per_btc() -> None:
    """624.94 ticks a BTC are 1.87 an order of 0.003: its adj2 of 10 is 0.03 here."""
    at, trap = study_offsets(), study_offsets(adj2=10.0)

    assert closed_skew(at) == pytest.approx(1.87481973925, rel=1e-9)
    assert closed_skew(trap) == pytest.approx(624.939913082, rel=1e-9)
    assert closed_skew(trap) * BTC_PER_ORDER == pytest.approx(closed_skew(at), rel=1e-12)


@pytest.mark.parametrize("q", [-7.0, 0.5, 1.0, 3.0])
def test_adj2_in_the_wrong_unit_skews_the_quotes_one_order_quantity_too_far(q: float) -> None:
    """Whatever table is in use, it is off by 1/0.003: 300 times the skew at the first fill."""
    half_spread, inventory_skew = study_offsets().at(q)

    trapped_half_spread, trapped_skew = study_offsets(adj2=10.0).at(q)

    assert trapped_skew * BTC_PER_ORDER == pytest.approx(inventory_skew, rel=1e-12)
    assert trapped_half_spread == half_spread


def test_study_s_half_spread_is_adj1_times_the_closed_form() -> None:
    """And what the desk quotes is 1.5 times the exact one, since a is 3.4."""
    at = study_offsets()
    closed = at.c1 + 0.5 * at.tuning.delta * at.c2 * FALL_BACK.sigma_ticks

    assert closed * at.tuning.adj1 == pytest.approx(147.14443787, rel=1e-9)
    assert at.a == pytest.approx(3.42, abs=0.005)
    assert at.spectral
    assert at.at(0.0)[0] > 1.5 * 139.8885


@pytest.mark.parametrize("unit", [0.001, 0.01, 1 / 3])
def test_another_size_of_order_leaves_the_desk_s_quotes_alone(unit: float) -> None:
    """Orders so many times as large: gamma follows, delta the other way, factors are factors."""
    one = study_offsets()

    other = study_offsets(gamma=0.3 * unit, delta=3.0 / unit, bound=one.bound)

    for q in (-5.0, 0.0, 2.0):
        assert other.at(q / unit) == pytest.approx(one.at(q), rel=1e-9)


@pytest.mark.parametrize("unit", [0.25, 2.0, 7.0])
def test_another_tick_leaves_the_desk_s_prices_alone(unit: float) -> None:
    """The same market on ticks so many times as large."""
    one = study_offsets()
    fit = replace(
        FALL_BACK, k_per_tick=FALL_BACK.k_per_tick * unit, sigma_ticks=FALL_BACK.sigma_ticks / unit
    )

    other = offsets(fit, replace(one.tuning, gamma=one.tuning.gamma * unit), one.bound)

    assert other is not None
    for q in (-3.0, 0.0, 1.5):
        assert np.array(other.at(q)) * unit == pytest.approx(one.at(q), rel=1e-9)


def counted(seed: int, spread: int = 3, most_a_step: int | None = None) -> SideFit:
    """What five minutes of both sides come to by the desk's own counting.

    Args:
        spread: Ticks; an odd one puts the mid on a half tick.
        most_a_step: At most so many arrivals of a side in 100 ms; None counts them all.
    """
    random = np.random.default_rng(seed)
    desk, reals = new_desk(), new_reals()
    Calibrator(desk, reals, replace(SETTINGS, window_s=300.0, nearest_ticks=0.0))
    desk[COUNTS_ARRIVALS] = 1
    touch = (600_000, 600_000 + spread)
    for step in range(3000):
        now_ns = step * STEP_NS
        desk[MONO_NS] = now_ns
        watch_sides(desk, reals, *touch, STEP_NS / 1e9)
        for side in Side:
            n = int(random.poisson(A * 0.1))
            for i in range(n if most_a_step is None else min(n, most_a_step)):
                beyond = random.exponential(1.0 / K) - 0.5 * spread
                if beyond >= 0.0:
                    price = touch[side < 0] - side * int(beyond)
                    at_ns = now_ns + (i + 1) * 5_000_000
                    desk[MONO_NS] = at_ns
                    count_print(desk, reals, -int(side), price, at_ns, *touch)
    read_intensities(desk, reals)
    return side_fit_of(in_python(fit_row)(reals, BOTH_FIT))


@pytest.mark.parametrize("spread", [2, 3])
@pytest.mark.parametrize("seed", [1, 2])
def test_both_sides_in_one_count_would_double_the_rate(seed: int, spread: int) -> None:
    """One side's A is what one side's quote meets; half the count is the other side's."""
    assert counted(seed, spread).A_per_s == pytest.approx(A, rel=0.12)


@pytest.mark.parametrize("spread", [2, 3])
@pytest.mark.parametrize("seed", [1, 2])
def test_half_ticks_taken_for_ticks_would_halve_k(seed: int, spread: int) -> None:
    """Also where the mid stands on a half tick and every depth with it."""
    assert counted(seed, spread).k_per_tick == pytest.approx(K, rel=0.12)


@pytest.mark.parametrize("seed", [3, 4])
def test_windows_that_hold_one_arrival_would_saturate(seed: int) -> None:
    """Four a second would be counted as 3.3; the desk counts market orders, not windows."""
    all_of_them, one_a_window = counted(seed), counted(seed, most_a_step=1)

    assert all_of_them.A_per_s == pytest.approx(A, rel=0.12)
    assert one_a_window.A_per_s < 0.9 * all_of_them.A_per_s
    assert unsaturated_rate(one_a_window.A_per_s * 0.1, 0.1) == pytest.approx(A, rel=0.12)


def test_printed_c1_would_lose_its_digits_in_the_desk_s_quote() -> None:
    """log(1 + x) at x = 1e-12: a ten-thousandth of 1/k off, and nothing at all from 1e-16 on."""
    timid = replace(study_offsets().tuning, gamma=1e-12 * FALL_BACK.k_per_tick, delta=1.0)

    at = offsets(FALL_BACK, timid, 1000)

    assert at is not None
    assert at.c1 == pytest.approx(1.0 / FALL_BACK.k_per_tick, rel=1e-11)
    trap = np.log(1.0 + 1e-12) / timid.gamma
    assert trap != pytest.approx(1.0 / FALL_BACK.k_per_tick, rel=1e-5)


def test_an_eigenvector_would_quote_noise_near_the_limit() -> None:
    """The desk's depths fall in even steps out to the last fill; a library's vector jumps."""
    at = study_offsets(delta=1.0)
    table = at.table.reshape(-1, 2)
    alpha, eta = glft_rates(10.0, FALL_BACK.A_per_s, FALL_BACK.k_per_tick, 0.3, 0.3, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        trap = naive.eigenvector_bids(alpha, eta, FALL_BACK.k_per_tick, at.c1, at.bound)
        trapped_steps = np.diff(trap)

    assert np.all(np.diff(table[:-1, 0]) > 0.0)
    assert not np.all(trapped_steps > 0.0)
