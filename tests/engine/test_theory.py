"""Theory benchmark: the comparison with simulation, and the command that prints it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from engine.bench import theory
from engine.cli import app
from engine.models.coverage import Coverage


def test_whole_comparison_holds_and_prints_as_json() -> None:
    """Every job once, small; the big run is the command's own default."""
    done = CliRunner().invoke(app, ["bench", "theory", "--paths", "400", "--json"])

    rows = json.loads(done.stdout)

    assert done.exit_code == 0
    assert {row["source"] for row in rows} == {"exact", "published", "stated"}
    assert all(row["holds"] for row in rows)


def test_table_fits_a_terminal_and_says_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighty columns; one line a figure."""
    monkeypatch.setattr(theory, "JOBS", theory.JOBS[-1:])
    done = CliRunner().invoke(app, ["bench", "theory", "--paths", "200"])

    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "symmetric" in lines[1]
    assert "all within 4 standard errors" in lines[-1]


def test_figure_that_is_off_ends_the_command_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a script can rely on it."""
    wrong = theory.Row("market", "figure", expected=1.0, simulated=2.0, standard_error=0.1)
    monkeypatch.setattr(theory, "JOBS", (lambda _paths, _seed: iter([wrong]),))

    done = CliRunner().invoke(app, ["bench", "theory"])

    assert done.exit_code == 1
    assert "+10.00 !" in done.stdout


@pytest.mark.parametrize(("share", "holds"), [(0.931, True), (0.929, False), (0.971, False)])
def test_intervals_must_hold_within_two_per_cent(share: float, holds: bool) -> None:
    """Tighter than four standard errors of a thousand runs, which are 2.8 %."""
    rows = list(theory._coverage_rows("market", Coverage(share, 0.95, 0.95, 1000)))

    assert [row.holds for row in rows] == [holds, True, True]
    assert abs(rows[0].errors) < theory.TOLERANCE


def test_every_job_of_the_desk_s_own_estimators_is_seeded() -> None:
    """The same seed fits the same thousand markets."""
    first, again, other = (
        [
            row.simulated
            for row in theory.level_coverage_rows(1.2, 0.35, 6.0, 1.5, 60.0, 1, 0.0, 1, seed)
        ]
        for seed in (1, 1, 2)
    )

    assert first == again != other


def test_help_shows_an_example() -> None:
    done = CliRunner().invoke(app, ["bench", "theory", "--help"])

    assert "engine bench theory --paths" in done.stdout


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_certainty_of_a_tame_sample_is_that_of_its_law(seed: int) -> None:
    """Of normal profits it is mean - gamma/2·variance."""
    profit = np.random.default_rng(seed).normal(10.0, 2.0, 50_000)

    found, error = theory.certainty_of(profit, 0.3)

    assert abs(found - (10.0 - 0.15 * 4.0)) < 4 * error
    assert error < 0.05


def test_chi_square_of_counts_as_expected_is_zero() -> None:
    """With the rare ends taken together."""
    law = np.array([0.01, 0.24, 0.5, 0.24, 0.01])
    values = np.repeat([-2.0, -1, 0, 1, 2], [3, 72, 150, 72, 3])

    assert theory.chi_square_of(values, law) == (0.0, 3)
