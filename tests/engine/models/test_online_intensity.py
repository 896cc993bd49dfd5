"""Online fill intensity: the fit that forgets, against its sums written out."""

import math

import numpy as np
import pytest

from engine.models.online_intensity import arrive, read_intensity, start_watching, watch
from exchange.jit import FloatArray
from tests.naive.intensity import exposure_without_warm_up

TAU = 100.0


def watched(
    times_s: list[float], depths: list[float], until_s: float, tau: float = TAU
) -> FloatArray:
    """A state that has seen these arrivals from time 0 on."""
    state = np.empty(5)
    start_watching(state, 0.0)
    last_s = 0.0
    for time_s, depth in zip(times_s, depths, strict=True):
        watch(state, time_s, time_s - last_s, tau)
        arrive(state, time_s, depth, tau)
        last_s = time_s
    watch(state, until_s, until_s - last_s, tau)
    return state


def test_lazy_decay_is_the_sum_written_out() -> None:
    """Each arrival weighs exp(-age/tau), however seldom the state is touched."""
    times, depths = [1.0, 4.0, 30.0], [2.0, 1.0, 5.0]
    weights = [math.exp(-(60.0 - time_s) / TAU) for time_s in times]

    A, k, _ = read_intensity(watched(times, depths, 60.0))

    assert A == pytest.approx(sum(weights) / (TAU * (1 - math.exp(-0.6))), rel=1e-12)
    assert k == pytest.approx(sum(weights) / np.dot(weights, depths), rel=1e-12)


@pytest.mark.parametrize("blind_s", [10.0, 40.0, 90.0])
def test_time_without_a_book_leaves_the_rate_alone(blind_s: float) -> None:
    """Two a second, of which nothing is seen for part of every hundred seconds."""
    state = np.empty(5)
    start_watching(state, 0.0)
    for step in range(10_000):
        time_s = 0.1 * step
        if time_s % 100.0 >= blind_s:
            watch(state, time_s, 0.1, TAU)
            if step % 5 == 0:
                arrive(state, time_s, 1.0, TAU)

    assert read_intensity(state)[0] == pytest.approx(2.0, rel=0.02)


def test_reading_changes_nothing() -> None:
    """The screen may look as often as it likes."""
    state = watched([1.0], [2.0], 50.0)
    before = state.copy()

    read_intensity(state)

    assert state.tolist() == before.tolist()


def test_warm_up_does_not_bend_the_rate() -> None:
    """A tenth of tau in, the plain exposure shows a tenth of the true rate."""
    times = np.arange(0.005, 10.0, 0.01)

    A, _, _ = read_intensity(watched(times.tolist(), [1.0] * times.size, 10.0))

    assert A == pytest.approx(100.0, rel=1e-3)
    assert exposure_without_warm_up(times, 10.0, TAU) < 0.1 * 100.0


@pytest.mark.parametrize(("now_s", "worth"), [(1.0, 1.0 * 2.0), (5000.0, 2 * TAU * 2.0)])
def test_arrivals_are_worth_themselves_and_in_the_long_run_two_decay_times(
    now_s: float, worth: float
) -> None:
    """Not A·tau: old arrivals add steadiness as well as weight."""
    times = np.arange(0.25, now_s, 0.5)

    _, _, effective = read_intensity(watched(times.tolist(), [1.0] * times.size, now_s))

    assert effective == pytest.approx(worth, rel=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_error_of_the_rate_is_one_over_the_root_of_its_worth(seed: int) -> None:
    """Four hundred markets of 2/s, watched for three decay times."""
    rng = np.random.default_rng(seed)
    tau, rates = 10.0, []
    for _ in range(400):
        times_s = np.sort(rng.uniform(0.0, 30.0, rng.poisson(60))).tolist()
        state = watched(times_s, [1.0] * len(times_s), 30.0, tau)
        rates.append(read_intensity(state)[0])

    assert np.mean(rates) == pytest.approx(2.0, rel=0.04)
    assert np.std(rates) == pytest.approx(2.0 / math.sqrt(2 * 2.0 * tau * math.tanh(1.5)), rel=0.12)


def test_nothing_seen_is_no_k() -> None:
    """The rate is then nought, and the decay unknown."""
    A, k, effective = read_intensity(watched([], [], 10.0))

    assert (A, effective) == (0.0, 0.0)
    assert math.isnan(k)
    assert math.isnan(read_intensity(watched([], [], 0.0))[0])
