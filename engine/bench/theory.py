"""Theory against simulation: every exact or published figure beside what seeded paths give.

A row says how many standard errors apart the two are. Each job plays one market, or a
thousand small ones where it asks how often an interval holds its truth, so that a new model
joins by adding a job to ``JOBS``.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from engine.models.avellaneda import finite_quote, symmetric_moments
from engine.models.coverage import Coverage, Draws, coverage, level_coverage
from engine.models.glft import GlftModel
from engine.models.simulate import generator, simulate, simulate_avellaneda
from engine.models.spectral import stationary_policy
from engine.models.stationary import certainty_growth, law_of, long_run, worth
from exchange.jit import FloatArray, warm_up

TOLERANCE = 4.0
"""Standard errors; beyond it a row has failed."""
_HORIZON_S = 600.0
_LARGEST_FEAR = 1.5
"""Largest gamma·sd at which the mean of exp(-gamma·profit) can be sampled at all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, known and simulated."""

    market: str
    fact: str
    expected: float
    simulated: float
    standard_error: float
    source: str = "exact"
    limit: float | None = None
    """Farthest apart that is borne, whatever the standard error."""

    @property
    def errors(self) -> float:
        """Simulated less expected, in standard errors."""
        return (self.simulated - self.expected) / self.standard_error

    @property
    def holds(self) -> bool:
        within = self.limit is None or abs(self.simulated - self.expected) <= self.limit
        return bool(abs(self.errors) <= TOLERANCE and within)


Job = Callable[[int, int], Iterator[Row]]
"""Takes how many paths, and the seed."""


# ---------------------------------------------------------------- what a sample says


def mean_of(sample: FloatArray) -> tuple[float, float]:
    """Sample mean and its standard error."""
    return float(sample.mean()), float(sample.std() / np.sqrt(sample.size))


def sd_of(sample: FloatArray) -> tuple[float, float]:
    """Sample standard deviation and its standard error, whatever the distribution."""
    off = sample - sample.mean()
    sd = float(np.sqrt((off**2).mean()))
    spread = float(np.sqrt(((off**2 - sd**2) ** 2).mean() / sample.size))
    return sd, spread / (2 * sd)


def certainty_of(profit: FloatArray, gamma: float) -> tuple[float, float]:
    """Certainty equivalent of sampled profits, by the delta method.

    Only while gamma times the sd of profit is near 1 or less: beyond that the tail which
    decides the mean is not in the sample, and the error says nothing.
    """
    centre = profit.mean()
    dread = np.exp(-gamma * (profit - centre))
    relative = dread.std() / dread.mean() / np.sqrt(dread.size)
    return float(centre - np.log(dread.mean()) / gamma), float(relative / gamma)


def certainty_growth_of(
    early: FloatArray, late: FloatArray, gamma: float, between_s: float
) -> tuple[float, float]:
    """Growth of the certainty equivalent between two moments of the same paths."""
    growth = (certainty_of(late, gamma)[0] - certainty_of(early, gamma)[0]) / between_s
    dread = [np.exp(-gamma * (profit - profit.mean())) for profit in (early, late)]
    paired = dread[1] / dread[1].mean() - dread[0] / dread[0].mean()
    return growth, float(paired.std() / np.sqrt(paired.size) / gamma / between_s)


def chi_square_of(values: FloatArray, law: FloatArray) -> tuple[float, int]:
    """Pearson's statistic of inventories -Q..Q against their law, and its degrees of freedom.

    Inventories of which fewer than five are expected are taken together.
    """
    bound = law.size // 2
    counts = np.bincount(values.astype(np.int64) + bound, minlength=law.size).astype(float)
    expected = law * values.size
    rare = expected < 5
    seen, due = counts[~rare], expected[~rare]
    if expected[rare].sum() >= 5:
        seen, due = np.append(seen, counts[rare].sum()), np.append(due, expected[rare].sum())
    return float(((seen - due) ** 2 / due).sum()), seen.size - 1


# ---------------------------------------------------------------- the jobs


def glft_rows(model: GlftModel, paths: int, seed: int) -> Iterator[Row]:
    """The stationary quotes: steady state in the second half, worth over the whole."""
    policy = stationary_policy(model)
    played = simulate(policy, model, _HORIZON_S, paths, generator(seed))
    facts, value = long_run(policy, model), worth(policy, model, _HORIZON_S)
    half_s = 0.5 * _HORIZON_S
    statistic, freedom = chi_square_of(played.lots, law_of(policy, model))
    drifting = f", drift {model.drift:g}" if model.drift else f", Q = {model.bound}"
    row = partial(Row, f"GLFT a = {model.a:.4f}{drifting}")
    yield row("inventory law, chi-square", freedom, statistic, (2 * freedom) ** 0.5)
    yield row("sd of inventory", facts.sd_lots, *sd_of(played.lots))
    yield row("fills a second", facts.fills_per_s, *mean_of(played.fills / half_s))
    yield row("spread income a second", facts.income_per_s, *mean_of(played.income / half_s))
    yield row("profit, mean", value.mean, *mean_of(played.profit))
    yield row("profit, sd", value.sd, *sd_of(played.profit))
    gamma_fill = model.gamma * model.delta
    if gamma_fill * value.sd <= _LARGEST_FEAR:
        growth = certainty_growth_of(played.half_profit, played.profit, gamma_fill, half_s)
        yield row("certainty equivalent", value.certain, *certainty_of(played.profit, gamma_fill))
        yield row("its growth a second", certainty_growth(model), *growth)


@dataclass(frozen=True, slots=True)
class Published:
    """One line of the paper's tables."""

    profit: float
    sd: float
    lots: float
    sd_lots: float


_PUBLISHED_PATHS = 1000
_AVELLANEDA = {"sigma": 2.0, "A": 140.0, "k": 1.5}
_STEPS = 200
"""The paper's own simulation: how many paths, in which market, in how many time steps."""


def avellaneda_rows(
    gamma: float, skewed: bool, published: Published, paths: int, seed: int
) -> Iterator[Row]:
    """One strategy of the paper's simulation, beside its table and its exact moments."""
    name = f"A-S gamma {gamma:g}, {'inventory' if skewed else 'symmetric'}"
    sigma, A, k = _AVELLANEDA.values()
    profit, lots = simulate_avellaneda(
        sigma, A, k, gamma, 1.0, _STEPS, skewed, paths, generator(seed)
    )
    seen = {
        "profit, mean": (published.profit, mean_of(profit)),
        "profit, sd": (published.sd, sd_of(profit)),
        "last inventory, mean": (published.lots, mean_of(lots)),
        "last inventory, sd": (published.sd_lots, sd_of(lots)),
    }
    for fact, (printed, (simulated, error)) in seen.items():
        theirs = error * (paths / _PUBLISHED_PATHS) ** 0.5
        yield Row(name, fact, printed, simulated, float(np.hypot(error, theirs)), "published")
    if not skewed:
        _, spread = finite_quote(sigma, k, gamma, 0.0, 0.5)
        mean, sd, sd_lots = symmetric_moments(sigma, A, k, 0.5 * spread, 1.0, _STEPS)
        exact = {"profit, mean": mean, "profit, sd": sd, "last inventory, sd": sd_lots}
        for fact, expected in exact.items():
            yield Row(name, fact, expected, *seen[fact][1])


_MARKETS = 1000
_STATED = 0.95, 0.02
"""Share of intervals that hold their truth, and how far from it is borne."""
_ALLOWING = 0.96, 0.03
"""The same where they allow for bursts: none is narrowed, so that calm markets are a bit safer."""


def _draws(A: float, exposure_s: float, seed: int, together: int = 1) -> tuple[Draws, Draws, Draws]:
    """Gaps and depths enough for the exposure in every market, and a step of the mid a second."""
    random = np.random.default_rng(seed)
    due = A * exposure_s / together
    bursts = int(due + 6 * due**0.5) + 40
    gaps = random.standard_exponential((_MARKETS, bursts))
    depths = random.standard_exponential((_MARKETS, bursts * together))
    return gaps, depths, random.standard_normal((_MARKETS, round(exposure_s)))


def _coverage_rows(
    market: str, found: Coverage, of_orders: tuple[float, float] = _STATED
) -> Iterator[Row]:
    for name, share, (stated, borne) in (
        ("A", found.A, of_orders),
        ("k", found.k, of_orders),
        ("sigma", found.sigma, _STATED),
    ):
        fact = f"{name} in its 95 % ({100 * stated:.0f} ±{100 * borne:.0f})"
        yield Row(market, fact, stated, share, found.error, "stated", borne)


def coverage_rows(
    A: float, k: float, sigma: float, exposure_s: float, _paths: int, seed: int
) -> Iterator[Row]:
    """How often the intervals hold the truth where every depth is known exactly."""
    found = coverage(*_draws(A, exposure_s, seed), A, k, sigma, exposure_s)
    yield from _coverage_rows(f"A {A:g}, k {k:g}, exact depths", found)


def level_coverage_rows(
    A: float,
    k: float,
    sigma: float,
    half_spread: float,
    exposure_s: float,
    together: int,
    lasting_s: float,
    _paths: int,
    seed: int,
) -> Iterator[Row]:
    """The same for the desk's own estimator, which sees price levels beyond the best.

    Args:
        together: Orders a burst; 1 is the Poisson stream of the model.
        lasting_s: How long a burst takes.
    """
    draws = _draws(A, exposure_s, seed, together)
    found = level_coverage(*draws, A, k, sigma, half_spread, exposure_s, together, lasting_s)
    bursts = f", {together} in {lasting_s:g} s" if together > 1 else ""
    yield from _coverage_rows(f"A {A:g}, k {k:g}, price levels{bursts}", found, _ALLOWING)


JOBS: tuple[Job, ...] = (
    partial(glft_rows, GlftModel(0.9, 0.3, 0.3, 0.01, 40)),
    partial(glft_rows, GlftModel(0.2, 0.3, 1.0, 0.1, 30)),
    partial(glft_rows, GlftModel(1.2, 0.25, 1.5, 0.01, 15)),
    partial(glft_rows, GlftModel(0.2, 0.3, 1.0, 0.1, 30, drift=0.1)),
    partial(coverage_rows, 1.2, 0.35, 1.8, 600.0),
    partial(coverage_rows, 0.2, 0.35, 0.3, 600.0),
    partial(level_coverage_rows, 1.5, 0.12, 6.0, 4.0, 600.0, 1, 0.0),
    partial(level_coverage_rows, 3.0, 1.6, 6.0, 1.5, 300.0, 1, 0.0),
    partial(level_coverage_rows, 1.5, 0.12, 6.0, 4.0, 600.0, 4, 0.0),
    partial(level_coverage_rows, 1.5, 0.12, 6.0, 4.0, 600.0, 4, 10.0),
    partial(avellaneda_rows, 0.1, True, Published(65.0, 6.6, 0.08, 2.9)),
    partial(avellaneda_rows, 0.1, False, Published(68.4, 12.7, 0.26, 8.4)),
    partial(avellaneda_rows, 0.01, True, Published(68.6, 8.7, 0.12, 5.1)),
    partial(avellaneda_rows, 0.01, False, Published(68.8, 12.8, 0.09, 8.7)),
    partial(avellaneda_rows, 1.0, True, Published(31.4, 5.0, 0.02, 1.7)),
    partial(avellaneda_rows, 1.0, False, Published(44.0, 11.0, 0.0, 5.1)),
)
"""Of the six markets of intervals the third is that of ``configs/paper.toml``; in the fourth a
tick is worth more than 1/k; in the last two the third's orders come in fours. The
published lines are the journal's, Quantitative Finance 8(3)."""


# ---------------------------------------------------------------- the command


def compare(paths: int, seed: int) -> list[Row]:
    """Run every job, with a bar where a person waits."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        compiling = bar.add_task("compiling kernels (once)", total=None)
        for done, total, _name in warm_up():
            bar.update(compiling, completed=done, total=total)
        rows: list[Row] = []
        for i, job in enumerate(bar.track(JOBS, description="simulating")):
            rows += job(paths, seed + i)
    return rows


def show_theory(*, paths: int, seed: int, as_json: bool) -> bool:
    """Print every figure beside its simulation; True when all of them hold."""
    rows = compare(paths, seed)
    if as_json:
        print(json.dumps([_as_json(row) for row in rows], indent=1))
    else:
        Console().print(_table(rows, f"{paths} paths or {_MARKETS} fits, seed {seed}"))
    return all(row.holds for row in rows)


def _as_json(row: Row) -> dict[str, object]:
    return {
        "market": row.market,
        "fact": row.fact,
        "source": row.source,
        "expected": row.expected,
        "simulated": row.simulated,
        "standard_error": row.standard_error,
        "errors": row.errors,
        "limit": row.limit,
        "holds": row.holds,
    }


def _table(rows: list[Row], caption: str) -> Table:
    worst = max(abs(row.errors) for row in rows)
    failed = sum(not row.holds for row in rows)
    verdict = f"{failed} off" if failed else f"all within {TOLERANCE:g} standard errors"
    table = Table(box=None, caption=f"{caption}: {verdict}, worst {worst:.1f}")
    table.add_column("market and figure", no_wrap=True)
    table.add_column("source")
    for head in ("expected", "simulated", "st. error", "apart"):
        table.add_column(head, justify="right", no_wrap=True)
    market = ""
    for row in rows:
        if row.market != market:
            market = row.market
            table.add_row(f"[bold]{market}[/bold]")
        figures = (f"{x:.5g}" for x in (row.expected, row.simulated, row.standard_error))
        sign = "" if row.holds else " !"
        table.add_row(f"  {row.fact}", row.source, *figures, f"{row.errors:+.2f}{sign}")
    return table
