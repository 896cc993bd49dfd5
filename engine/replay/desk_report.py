"""Report of a replayed desk: its fills, its money, and why it did not quote."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from engine.config.desk import Config
from engine.core.inputs import (
    FILL_EXCH_NS,
    FILL_IS_MAKER,
    OF_PRICE_TICKS,
    OF_QTY_LOTS,
    OF_SIDE,
)
from engine.core.settings import STEP_NS
from engine.core.states import SideReason
from engine.replay.driver import ReplayResult
from engine.replay.fills_file import FillRow
from engine.replay.performance import Performance
from engine.replay.performance_report import as_plain, complaint, tables, without_fills
from exchange.depth_sync import growth_in_words

_NS_PER_MS = 1_000_000


def fill_rows(result: ReplayResult, config: Config) -> Iterator[FillRow]:
    """Every fill, as a line of a file."""
    grid = config.grid()
    for fill in result.fills.tolist():
        side = "B" if fill[OF_SIDE] > 0 else "S"
        price, qty = grid.price.text(fill[OF_PRICE_TICKS]), grid.qty.text(fill[OF_QTY_LOTS])
        yield fill[FILL_EXCH_NS], side, price, qty, fill[FILL_IS_MAKER]


def as_dict(result: ReplayResult, config: Config) -> dict[str, Any]:
    """The result as plain data, the same for the same input."""
    money, grid = result.view.money, config.grid()
    return {
        "config": config.name,
        "fills_by": config.replay.fills,
        "symbol": grid.symbol,
        "files": result.files,
        "lines": result.lines,
        "unfunded": result.unfunded,
        "span_s": round(result.span_s, 3),
        "clock_shift_ms": result.clock_shift_ms,
        "tears": result.tears,
        "books_grown_s": [span_ns / 1e9 for span_ns in result.grown_ns],
        "orders_placed": result.orders_placed,
        "fills": len(result.fills),
        "position": grid.qty.text(result.view.inventory.position_lots),
        "pnl_usdt": {
            "total": money.total_usdt,
            "spread": money.spread_usdt,
            "inventory": money.inventory_usdt,
            "fees": money.fees_usdt,
            "funding": money.funding_usdt,
        },
        "volume_usdt": money.volume_usdt,
        "drawdown_now_usdt": money.drawdown_usdt,
        "refusals": {str(code): count for code, count in result.refusals.items()},
        "reasons_s": {side: _seconds(counts) for side, counts in result.reasons.items()},
        "fits_s": _seconds(result.fits),
        "branches_s": _seconds(result.branches),
        "never_quoted": result.never_quoted,
        "statistics": as_plain(result.performance),
    }


def _seconds(steps: Counter[str]) -> dict[str, float]:
    return {name: count * STEP_NS / 1e9 for name, count in sorted(steps.items())}


def _spans_text(steps: Counter[str]) -> str:
    return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in _seconds(steps).items())


def print_report(result: ReplayResult, config: Config) -> None:
    money, grid = result.view.money, config.grid()
    print(f"{grid.symbol} with {config.name}: {result.lines} lines, {result.span_s:.1f} s")
    if config.replay.fills == "hftbacktest":
        print("filled whole, by hftbacktest's rules")
    if result.reordered:
        print(f"files put in order of time: {', '.join(result.files)}")
    if result.clock_shift_ms:
        print(f"receive times moved by {result.clock_shift_ms:+.1f} ms")
    for tear in result.tears:
        print(f"TORN {tear}")
    if result.grown_ns:
        print(growth_in_words(result.grown_ns))
    if result.unfunded:
        print(f"no mark price recorded: {result.unfunded} funding times passed unpaid")
    if result.never_quoted:
        print(result.never_quoted)
        if any(SideReason.NOT_CALIBRATED.value in counts for counts in result.reasons.values()):
            print(
                "the window must fit into the recording: shorten it with "
                "--set calibration.window_s=60, give a longer recording, or set a prior"
            )
        return
    for exch_ns, side, price, qty, maker in fill_rows(result, config):
        word = "BUY " if side == "B" else "SELL"
        print(f"{_clock(exch_ns)}  {word} {qty} @ {price}{'' if maker else '  taker'}")
    print(f"quoted by {_spans_text(result.fits)}; {_spans_text(result.branches)}")
    refused = ", ".join(f"{code} x{count}" for code, count in result.refusals.items()) or "none"
    print(f"fills     {len(result.fills)} of {result.orders_placed} orders; refusals: {refused}")
    print(f"position  {grid.qty.text(result.view.inventory.position_lots)}")
    print(
        f"profit    {money.total_usdt:+.4f} USDT = spread {money.spread_usdt:+.4f} "
        f"inventory {money.inventory_usdt:+.4f} fees {money.fees_usdt:+.4f} "
        f"funding {money.funding_usdt:+.4f}"
    )
    print(f"volume    {money.volume_usdt:.2f} USDT, drawdown now {money.drawdown_usdt:.4f} USDT")
    _print_performance(result.performance)


def _print_performance(performance: Performance) -> None:
    if not performance.audit.holds:
        print(f"CHECK     {complaint(performance.audit)}")
    if not performance.fills:
        print(without_fills(performance.maker))
        return
    console = Console()
    for table in tables(performance):
        console.print()
        console.print(table)


def _clock(exch_ns: int) -> str:
    seconds, milliseconds = divmod(exch_ns // _NS_PER_MS, 1000)
    hours, rest = divmod(seconds % 86400, 3600)
    return f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}.{milliseconds:03d}"
