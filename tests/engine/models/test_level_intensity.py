"""Fill intensity on a price grid: truncated at the first level, geometric beyond it."""

import math

import numpy as np
import pytest

from engine.models.intensity import fit_side, tally
from engine.models.level_intensity import (
    LevelWindow,
    first_price,
    first_rate,
    first_rate_by_line,
    fit_level_side,
    is_watched,
    level_misfit,
    reach,
    side_fit,
    tally_levels,
    watched_s,
)

S_NS = 1_000_000_000
WINDOW_S = 600


def watched(seed: int, A: float, k: float, half_spread: float, levels: int = 20) -> LevelWindow:
    """Ten minutes of one side on a whole-tick grid: what lies inside the spread never prints."""
    random = np.random.default_rng(seed)
    window = LevelWindow(WINDOW_S * S_NS, levels)
    for second in range(WINDOW_S):
        window.watch(1, half_spread, 1.0, second * S_NS)
    n = random.poisson(A * WINDOW_S)
    for time_s, depth in zip(
        random.uniform(0, WINDOW_S, n), random.exponential(1 / k, n), strict=True
    ):
        if depth >= half_spread:
            window.arrive(1, int(depth - half_spread), int(time_s * S_NS))
    return window


@pytest.mark.parametrize(("A", "k"), [(1.2, 0.35), (6.0, 0.08), (3.0, 1.6)])
def test_a_grid_market_gives_its_truth_back(A: float, k: float) -> None:
    """Also where a level is worth more than 1/k, and the continuous form is far off."""
    fits = [fit_level_side(watched(seed, A, k, 1.5).read(WINDOW_S * S_NS)[0]) for seed in range(60)]

    mean_A, mean_k = np.mean(fits, axis=0)
    assert mean_A == pytest.approx(A, rel=0.05)
    assert mean_k == pytest.approx(k, rel=0.02)


def test_whole_ticks_taken_for_exact_depths_are_the_trap() -> None:
    """Half a tick added to depths cut to the tick is not their mean where 1/k is a tick."""
    random = np.random.default_rng(3)
    cut = np.floor(random.exponential(1 / 1.6, 4000))

    trapped = fit_side(tally(cut + 0.5, 1000.0)).k_per_tick

    assert trapped < 1.4


def test_stated_intervals_hold_the_truth_in_95_of_100_markets() -> None:
    """On the grid too; 400 markets, so that 3 standard errors are 3.3 %."""
    A, k = 1.2, 0.35
    held = np.zeros(2)
    for seed in range(400):
        numbers = watched(seed, A, k, 1.5).read(WINDOW_S * S_NS)[0]
        fit = side_fit(numbers, *fit_level_side(numbers))
        held += (fit.A_interval[0] <= A <= fit.A_interval[1], fit.k_interval[0] <= k)
        held[1] -= k > fit.k_interval[1]

    assert held / 400 == pytest.approx([0.95, 0.95], abs=0.033)


def test_sides_are_counted_apart() -> None:
    """Both in one count would make A twice what one side's quote meets."""
    window = LevelWindow(10 * S_NS, 4)
    window.arrive(1, 0, 0)
    window.arrive(-1, 2, 0)
    window.arrive(-1, 9, 0)

    bid, ask = window.read(0)

    assert bid[:5].tolist() == [1, 0, 0, 0, 0]
    assert ask[:5].tolist() == [0, 0, 1, 0, 1]


def test_what_leaves_the_window_is_forgotten() -> None:
    """Arrivals and the time in which they were awaited go together."""
    window = LevelWindow(60 * S_NS, 4)
    window.arrive(1, 1, 0)
    window.watch(1, 0.5, 1.0, 0)
    window.arrive(1, 3, 30 * S_NS)

    bid, _ = window.read(60 * S_NS)

    assert tally_levels(bid) == (1, 0, 3)
    assert watched_s(bid) == 0.0


def test_a_print_that_goes_deeper_moves_its_order() -> None:
    """Several prints of one market order are one arrival, at the deepest."""
    window = LevelWindow(60 * S_NS, 4)
    at = window.arrive(1, 0, 0)
    window.recount(at, 0, 3)

    assert tally_levels(window.read(0)[0]) == (1, 0, 3)


@pytest.mark.parametrize(
    ("side", "bid", "ask", "nearest", "first"),
    [
        (1, 100, 101, 0.0, 100),
        (-1, 100, 101, 0.0, 101),
        (1, 100, 101, 2.0, 98),  # 2.5 ticks from the mid
        (-1, 100, 102, 2.0, 103),
        (1, 100, 120, 2.0, 100),  # nothing prints inside the spread
    ],
)
def test_counting_begins_at_the_touch_or_beyond(
    side: int, bid: int, ask: int, nearest: float, first: int
) -> None:
    """On a tight market the touch takes most arrivals and is no part of the exponential."""
    assert first_price(side, bid, ask, nearest) == first


@pytest.mark.parametrize(("k", "wide", "share"), [(0.12, 50, 0.05), (0.35, 20, 0.1), (1.0, 8, 0.1)])
def test_a_spread_that_is_sometimes_wide_costs_a_nothing(k: float, wide: int, share: float) -> None:
    """By two moments of the depth, A came out at 1.2 to 3.4 here for a truth of 6."""
    random = np.random.default_rng(5)
    window = LevelWindow(WINDOW_S * S_NS, 20)
    for second in range(WINDOW_S):
        half_spread = float(wide if random.random() < share else 1)
        window.watch(1, half_spread, 1.0, second * S_NS)
        for depth in random.exponential(1 / k, random.poisson(6.0)):
            if depth >= half_spread:
                window.arrive(1, int(depth - half_spread), second * S_NS)
    numbers = window.read(WINDOW_S * S_NS - 1)[0]
    fit = side_fit(numbers, *fit_level_side(numbers))

    assert fit.A_per_s == pytest.approx(6.0, rel=0.12)
    assert fit.A_interval[0] < 6.0 < fit.A_interval[1]


def test_reach_weighs_the_first_level_by_who_gets_there() -> None:
    """A third of the time at one tick, two thirds at four."""
    window = LevelWindow(60 * S_NS, 4)
    window.watch(1, 1.0, 10.0, 0)
    window.watch(1, 4.0, 20.0, 0)
    near, far = math.exp(-0.3), 2 * math.exp(-1.2)

    share, depth = reach(window.read(0)[0], 0.3)

    assert share == pytest.approx((near + far) / 3)
    assert depth == pytest.approx((near + 4 * far) / (near + far))


def test_a_first_level_too_far_out_is_not_watched() -> None:
    """A book torn wide for a moment says nothing of where we would quote."""
    window = LevelWindow(60 * S_NS, 4)
    window.watch(1, 64.0, 10.0, 0)

    assert not is_watched(64.0)
    assert is_watched(63.5)
    assert watched_s(window.read(0)[0]) == 0.0


@pytest.mark.parametrize("weighted", [False, True])
def test_least_squares_agree_on_an_exact_exponential(weighted: bool) -> None:
    """Where nothing is left to chance, every estimator says the same."""
    numbers = np.zeros(40 + 129)
    reaching = 1e6 * np.exp(-0.2 * np.arange(41))
    numbers[:40], numbers[40] = reaching[:-1] - reaching[1:], reaching[40]
    numbers[41 + 3] = 1e6 / 3.0  # seconds with the first level at 1.5 ticks

    line = first_rate_by_line(numbers, weighted, np.zeros(40))

    assert line == pytest.approx(first_rate(numbers), rel=1e-4)


def test_the_gap_tells_an_exponential_from_a_wall_at_the_touch() -> None:
    """The real future's touch takes six arrivals in seven; no k describes that."""
    bid, _ = watched(1, 6.0, 0.35, 0.5).read(WINDOW_S * S_NS)
    wall = np.zeros(20 + 129)
    wall[0], wall[15], wall[21 + 1] = 850.0, 150.0, 600.0

    assert level_misfit(bid, fit_level_side(bid)[1]) < 0.03
    assert level_misfit(wall, fit_level_side(wall)[1]) > 0.4


def test_no_time_and_no_arrivals_are_no_fit() -> None:
    """Before the first sample there is nothing to divide by."""
    numbers = np.zeros(4 + 129)

    assert all(math.isnan(x) for x in fit_level_side(numbers))
    assert all(math.isnan(x) for x in first_rate_by_line(numbers, True, np.zeros(4)))
    assert side_fit(numbers, math.nan, math.nan).n == 0
