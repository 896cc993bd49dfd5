"""Overdispersion: how bursty a window is, by its own slots."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.dispersion import dispersion, long_run_variance
from engine.models.level_intensity import LevelWindow
from exchange.jit import FloatArray

S_NS = 1_000_000_000
SLOTS = 60


def strayed(counts: FloatArray) -> FloatArray:
    return counts - float(counts.mean())


def typical(draw: str, seed: int = 1, n: int = 400) -> float:
    """Median dispersion of windows of 240 orders."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        match draw:
            case "alone":
                counts = random.poisson(4.0, SLOTS).astype(float)
            case "fours":
                counts = 4.0 * random.poisson(1.0, SLOTS)
            case _:  # four slots in a row get one each
                starts = random.poisson(1.0, SLOTS + 3)
                counts = np.convolve(starts, np.ones(4), mode="valid")
        found.append(dispersion(strayed(counts), float(counts.sum())))
    return float(np.median(found))


def test_a_poisson_stream_is_hardly_widened() -> None:
    """Its intervals grow by the root of this."""
    assert 1.0 <= typical("alone") < 1.25


def test_orders_in_fours_are_four_times_as_uncertain() -> None:
    """Whether they come at once or slot after slot, of which most is seen."""
    assert typical("fours") == pytest.approx(4.0, rel=0.15)
    assert 2.0 < typical("row") < 4.2


@given(st.lists(st.integers(0, 50), min_size=SLOTS, max_size=SLOTS))
def test_nothing_is_ever_narrowed(counts: list[int]) -> None:
    """Calmer than Poisson is luck."""
    seen = np.array(counts, dtype=float)

    assert dispersion(strayed(seen), float(seen.sum())) >= 1.0
    assert long_run_variance(strayed(seen)) >= 0.0


def test_white_noise_keeps_its_own_variance() -> None:
    """The mean that was taken out, and what neighbours share by it, is made up for."""
    random = np.random.default_rng(4)
    found = [long_run_variance(strayed(random.standard_normal(SLOTS))) for _ in range(2000)]

    assert np.mean(found) == pytest.approx(SLOTS, rel=0.03)


def test_time_without_a_book_is_no_burst() -> None:
    """Orders come where the first level was watched, and none are missed elsewhere."""
    window = LevelWindow(SLOTS * S_NS, 4)
    for second in range(SLOTS):
        if second % 20 < 10:
            window.watch(1, 1.0, 1.0, second * S_NS)
            window.arrive(1, second % 3, second * S_NS)
            window.arrive(1, 0, second * S_NS)
    window.read((SLOTS - 1) * S_NS)

    assert window.dispersions(0.5)[0][0] == 1.0


def test_bursts_on_both_sides_at_once_stray_together() -> None:
    """The geometric mean of two rates that rise together is no better than either."""
    random = np.random.default_rng(5)
    window = LevelWindow(SLOTS * S_NS, 4)
    for second in range(SLOTS):
        bursts = random.poisson(1.0)
        for side in (1, -1):
            window.watch(side, 1.0, 1.0, second * S_NS)
            for _ in range(4 * bursts):
                window.arrive(side, int(random.exponential(2.0)), second * S_NS)
    window.read((SLOTS - 1) * S_NS)

    bid, ask, both = (rate for rate, _ in window.dispersions(0.4))
    assert both == pytest.approx(bid + ask, rel=0.05)


def test_an_empty_window_is_as_poisson_as_any() -> None:
    """There is nothing to widen."""
    window = LevelWindow(SLOTS * S_NS, 4)
    window.read(0)

    assert window.dispersions(0.5) == ((1.0, 1.0),) * 3
