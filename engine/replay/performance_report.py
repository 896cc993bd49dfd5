"""Performance report: tables for a person, plain figures for a program."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.table import Table

from engine.models.markout import Markout, in_bps
from engine.models.statistics import DAYS_A_YEAR
from engine.replay.performance import STEP_1_7_S, STEP_2_S, Audit, MakerFigures, Performance

_SLIDE_LINES = (
    ("sharpe", "Sharpe ratio", ".1f"),
    ("sharpe_error", "  standard error", ".1f"),
    ("sortino", "Sortino ratio", ".1f"),
    ("differences", "  differences of equity", ".0f"),
    ("return_pct", "return, %", ".3f"),
    ("annualised_return_pct", "annualised return, %", ".2f"),
    ("max_drawdown_pct", "max. drawdown, %", ".3f"),
    ("risk_return_ratio", "annualised return / drawdown", ".1f"),
    ("return_over_drawdown", "return / drawdown", ".2f"),
    ("return_over_trade_bps", "return / traded value, bp", ".2f"),
    ("trades_per_day", "trades a day", ".1f"),
    ("volume_per_day", "volume a day", ".3f"),
    ("amount_per_day_usdt", "amount a day, USDT", ".0f"),
    ("max_leverage", "max. leverage", ".3f"),
    ("median_leverage", "median leverage", ".3f"),
)


_RATIOS = ("sharpe", "sharpe_error", "sortino")
_FEWEST_DIFFERENCES = 30
"""With fewer, a ratio of their mean to their deviation is an accident, whatever its value."""


def as_plain(performance: Performance) -> dict[str, Any]:
    """The same for JSON, where None is undefined."""
    mid = performance.mean_mid_ticks
    plain: dict[str, Any] = {
        "capital_usdt": performance.capital_usdt,
        "fills": performance.fills,
        "hftbacktest_1_7_1": {"resample_s": STEP_1_7_S, **performance.slide_1_7},
        "hftbacktest_2": {
            "resample_s": STEP_2_S,
            "days_a_year": DAYS_A_YEAR,
            **performance.slide_2,
        },
        "markouts": {
            when: {
                "n": found.n,
                "left_out": found.left_out,
                **{f"{name}_ticks": value for name, value in _amounts(found)},
                **{f"{name}_bps": in_bps(value, mid) for name, value in _amounts(found)},
            }
            for when, found in performance.markouts.items()
        },
        "maker": asdict(performance.maker),
        "audit": {**asdict(performance.audit), "holds": performance.audit.holds},
    }
    return {key: _without_nan(value) for key, value in plain.items()}


def _amounts(found: Markout) -> Iterator[tuple[str, float]]:
    for name in ("effective", "realised", "realised_error", "adverse"):
        yield name, getattr(found, name)


def _without_nan(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _without_nan(value) for key, value in plain.items()}
    return None if isinstance(plain, float) and math.isnan(plain) else plain


def complaint(audit: Audit) -> str:
    """What is said of a profit that does not add up."""
    return (
        f"the profit does NOT add up: the ledger says {audit.ledger_usdt:+.8f} USDT, cash and "
        f"stock {audit.cash_and_stock_usdt:+.8f}; {audit.apart_usdt:.1e} apart, "
        f"{audit.allowed_usdt:.1e} allowed"
    )


def without_fills(maker: MakerFigures) -> str:
    """What is said of a desk that was never filled, in place of tables."""
    uptime = _figure(maker.uptime, ".1%")
    return f"no fill, hence no statistics; both sides within {_near(maker)}: {uptime} of the time"


def _near(maker: MakerFigures) -> str:
    return f"{maker.uptime_within_bps:.3g} bp of the mid"


def tables(performance: Performance) -> Iterator[Table]:
    """The slide by both definitions, the markouts, and the market maker's figures."""
    yield _slide_table(performance)
    yield _markout_table(performance)
    yield _maker_table(performance.maker)


def _slide_table(performance: Performance) -> Table:
    caption = (
        f'after fees, on {performance.capital_usdt:g} USDT; in 1.7.1\'s "a day"\n'
        "a day is the mean of its running sum, the first hours included"
    )
    table = Table(box=None, caption=caption)
    table.add_column("result slide", no_wrap=True)
    table.add_column("hftbacktest 1.7.1\nStat.summary, 5 min", justify="right")
    table.add_column(f"hftbacktest 2.x\nmetrics, 10 s, {DAYS_A_YEAR} days", justify="right")
    for key, label, spec in _SLIDE_LINES:
        # One of the two does not know every figure: no cell, which is not undefined.
        cells = (
            _slide_figure(slide, key, spec) if key in slide else ""
            for slide in (performance.slide_1_7, performance.slide_2)
        )
        table.add_row(label, *cells)
    return table


def _slide_figure(slide: dict[str, float], key: str, spec: str) -> str:
    n, value = slide["differences"], slide[key]
    if key in _RATIOS and n < _FEWEST_DIFFERENCES and not math.isnan(value):
        return f"too few: {n:.0f} of {_FEWEST_DIFFERENCES}"
    return _figure(value, spec)


def _markout_table(performance: Performance) -> Table:
    caption = (
        "effective = realised + adverse, by the mid when the desk was told;\n"
        "the error takes fills for independent"
    )
    table = Table(box=None, caption=caption)
    table.add_column("markout", no_wrap=True)
    table.add_column("")
    for head in ("fills", "left out", "effective", "realised", "st. error", "adverse"):
        table.add_column(head, justify="right", no_wrap=True)
    for when, found in performance.markouts.items():
        ticks = [value for _, value in _amounts(found)]
        bps = [in_bps(value, performance.mean_mid_ticks) for value in ticks]
        counts = (str(found.n), str(found.left_out))
        table.add_row(
            when.replace("_", " "), "ticks", *counts, *(_figure(value, "+.2f") for value in ticks)
        )
        table.add_row("", "bp", "", "", *(_figure(value, "+.3f") for value in bps))
    return table


def _maker_table(maker: MakerFigures) -> Table:
    table = Table(box=None)
    table.add_column("market making", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    depths = (_figure(depth, ".2f") for depth in (maker.bid_depth_bps, maker.ask_depth_bps))
    for label, cell in (
        ("filled of the ordered quantity", _figure(maker.fill_ratio, ".2%")),
        ("orders filled, at least in part", _figure(maker.orders_filled, ".2%")),
        ("orders a fill (quote-to-trade)", _figure(maker.orders_per_fill, ".2f")),
        ("maker share of the value", _figure(maker.maker_share, ".2%")),
        (f"both sides within {_near(maker)}", _figure(maker.uptime, ".2%")),
        ("best bid, ask from the mid, median bp", ", ".join(depths)),
        ("inventory half-life, s", _figure(maker.inventory_half_life_s, ".1f")),
        ("post-only refusals (-5022) of orders", _figure(maker.post_only_refused, ".2%")),
        ("unknown order (-2011) of cancels", _figure(maker.cancels_refused, ".2%")),
    ):
        table.add_row(label, cell)
    return table


def _figure(value: float, spec: str) -> str:
    return "undefined" if math.isnan(value) else format(value, spec)
