"""Benchmark of the models (``engine bench models``): it times the desk's own work. No test asserts
a time: machines are busy."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from engine.bench import models as bench_models
from engine.bench.models import (
    BOUND,
    CALLED,
    COMPILED,
    GRID,
    Scene,
    Timing,
    fit_sides,
    full_requote,
    recalibrate,
    requote_all,
)
from engine.cli import app
from engine.core.quoter import Tuning, offsets
from engine.models.acceptance import ACCEPTED
from engine.models.policy import empty_table
from exchange.jit import FloatArray, IntArray
from tests.engine.virtual_desk import SETTINGS

SIXTY = replace(SETTINGS, window_s=60.0)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(SIXTY)


def ring_of(scene: Scene) -> FloatArray:
    """The window's arrivals, as if all had come in one slot."""
    numbers = np.concatenate(scene.window.read(scene.now_ns))
    return np.concatenate([numbers, np.zeros(59 * numbers.size)])


def test_compiled_recalibration_finds_what_the_desk_finds(scene: Scene) -> None:
    """Otherwise the figure would be of some other work."""
    ring = ring_of(scene)

    A, k, code = fit_sides(ring, np.empty(ring.size // 60 // 2 * 3), SIXTY.max_misfit)

    reading = scene.calibrator.reading
    assert reading is not None
    assert code == reading.code == ACCEPTED
    assert (A, k) == pytest.approx((reading.both.A_per_s, reading.both.k_per_tick), rel=1e-9)


def test_recalibration_ends_in_the_table_that_the_desk_quotes(scene: Scene) -> None:
    """From the same mids and arrivals."""
    ring, table = ring_of(scene), empty_table(BOUND)
    sums, slow_mids = np.empty(ring.size // 60 // 2 * 3), np.ascontiguousarray(scene.mids[::10])

    total = recalibrate(ring, sums, 0.1, scene.mids, slow_mids, SIXTY.gamma, SIXTY.delta, table)

    fit = scene.calibrator.fit
    assert fit is not None
    at = offsets(fit, Tuning(SIXTY.gamma, SIXTY.delta, 1.0, 1.0), BOUND)
    assert at is not None
    assert at.spectral
    assert table == pytest.approx(at.table, rel=1e-9, nan_ok=True)
    assert np.isfinite(total)


def test_loop_does_the_same_as_its_calls_one_by_one(scene: Scene) -> None:
    """The checksum that keeps the optimiser from dropping the work is the work's own."""
    touch, table = scene.touch[: 4 * 50], empty_table(BOUND)
    table[:] = 3.0
    start_s, grid = scene.now_s, np.empty(2 * GRID, np.int64)

    looped = requote_all(touch, 60.0, scene.new_ewma(), scene.arrivals, table, 3, grid)
    ewma, one_by_one = scene.new_ewma(), 0.0
    for i in range(50):
        now_s = start_s + 0.01 * (i + 1)
        fills = float(i % 21 - 10)
        one_by_one += full_requote(
            touch, i, now_s, 60.0, ewma, scene.arrivals, table, fills, 3, grid
        )

    assert looped == pytest.approx(one_by_one, rel=1e-9)
    assert np.isfinite(looped)


def test_requote_lays_the_grid_below_and_above_the_touch(scene: Scene) -> None:
    """Four a side, best first."""
    touch: IntArray = np.array([600_000, 300, 600_008, 100], np.int64)
    table, grid = empty_table(BOUND), np.empty(2 * GRID, np.int64)
    table[:] = 6.0

    full_requote(touch, 0, scene.now_s, 60.0, scene.new_ewma(), scene.arrivals, table, 0.0, 6, grid)

    assert grid.tolist() == [600_000, 599_994, 599_988, 599_982, 600_012, 600_018, 600_024, 600_030]


@pytest.mark.parametrize(
    ("where", "median_ns", "holds", "broken"),
    [
        (COMPILED, 1999.0, True, False),
        (COMPILED, 2001.0, False, False),
        (COMPILED, 6001.0, False, True),
        (CALLED, 9000.0, False, False),
    ],
)
def test_only_a_compiled_promise_missed_by_far_fails(
    where: str, median_ns: float, holds: bool, broken: bool
) -> None:
    """Three times as slow is no mood of the machine."""
    cost = Timing("work", where, 1.0, median_ns, 2000.0)

    assert (cost.holds, cost.broken) == (holds, broken)


def test_every_figure_is_printed_beside_its_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """One short batch of each; eighty columns."""
    monkeypatch.setattr(bench_models, "_BATCHES", 1)
    monkeypatch.setattr(bench_models, "_BATCH_NS", 1.0)
    monkeypatch.setattr(bench_models, "warm_up", lambda: None)

    lines = CliRunner().invoke(app, ["bench", "models"]).stdout.splitlines()

    assert max(map(len, lines)) <= 80
    assert [line.split("  ")[0].strip() for line in lines if " of " in line and line[0] != " "] == [
        "full requote",
        "full requote, one call",
        "full requote as run",
        "recalibration, Q = 40",
        "recalibration as run",
    ]


def test_slow_kernels_end_the_command_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """And JSON says which."""
    slow = Timing("full requote", COMPILED, 7000.0, 7000.0, 2000.0)
    monkeypatch.setattr(bench_models, "warm_up", lambda: None)
    monkeypatch.setattr(bench_models, "costs", lambda _settings: iter([slow]))

    done = CliRunner().invoke(app, ["bench", "models", "--json"])

    assert done.exit_code == 1
    assert json.loads(done.stdout)[0]["ratio"] == 3.5
