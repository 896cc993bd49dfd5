"""Report of the replayed tutorial: its fills and its money, counted as hftbacktest counts them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.config.desk import Config
from engine.core.settings import STEP_NS
from engine.replay.fills_file import FillRow
from engine.replay.peer_loop import FILL_EXCH, FILL_PRICE, FILL_SIDE, TAIL_STEPS
from engine.replay.tutorial_replay import TutorialResult

_STEP_S = STEP_NS / 1e9
_FARTHEST_TICKS = 2.0**53
"""No mid of a book that has both sides lies beyond."""


def fill_rows(result: TutorialResult, config: Config) -> Iterator[FillRow]:
    """Every fill, as a line of a file."""
    grid = config.grid()
    qty = grid.qty.text(result.order_lots)
    for fill in result.fills.tolist():
        side = "B" if fill[FILL_SIDE] > 0 else "S"
        yield fill[FILL_EXCH], side, grid.price.text(fill[FILL_PRICE]), qty, 1


def as_dict(result: TutorialResult, config: Config) -> dict[str, Any]:
    """The result as plain data, the same for the same input."""
    return {
        "config": config.name,
        "strategy": "tutorial",
        "fills_by": "hftbacktest",
        "symbol": config.desk.symbol,
        "files": result.files,
        "reordered": result.reordered,
        "lines": result.lines,
        "events": result.events,
        "span_s": round(result.span_s, 3),
        "clock_shift_ms": result.clock_shift_ms,
        "tears": result.tears,
        "never_quoted": never_quoted(result, config),
        "submits": result.submits,
        "cancels": result.cancels,
        "endless": result.endless,
        "fills": len(result.fills),
        "position": config.grid().qty.text(_lots(result)),
        "balance_usdt": result.balance_usdt,
        "fees_usdt": result.fees_usdt,
        "equity_usdt": result.equity_usdt,
    }


def print_report(result: TutorialResult, config: Config) -> None:
    """Print the result for a person."""
    qty = config.grid().qty
    print(
        f"{config.desk.symbol} with {config.name}: {result.lines} lines, {result.span_s:.1f} s; "
        "the tutorial, filled by hftbacktest's rules"
    )
    if result.reordered:
        print("the files were put in order of time")
    if result.clock_shift_ms:
        print(f"receive times moved by {result.clock_shift_ms:+.1f} ms")
    for tear in result.tears:
        print(f"TORN {tear}")
    if why := never_quoted(result, config):
        print(why)
        return
    print(
        f"fills     {len(result.fills)} of {result.submits} orders, {result.cancels} cancels asked"
    )
    if result.endless:
        print(
            f"ended     {TAIL_STEPS * _STEP_S:.0f} s after the last message: the exchange's book, "
            "which ends apart from the desk's, refuses its orders again and again"
        )
    print(f"position  {qty.text(_lots(result))}")
    if result.balance_usdt is None:
        print(f"equity    not counted: {config.desk.symbol} is an inverse or dated contract")
    elif result.equity_usdt is None:
        print(f"balance   {result.balance_usdt:+.4f} USDT; the book ends without a mid")
    else:
        print(
            f"equity    {result.equity_usdt:+.4f} USDT = balance {result.balance_usdt:+.4f} and "
            f"the position at the last mid, less fees {result.fees_usdt:.4f}"
        )


def never_quoted(result: TutorialResult, config: Config) -> str:
    """Why not one order was ever placed, as a text; empty when some were."""
    if result.submits:
        return ""
    calibration = config.calibration
    window, every = (
        max(round(span_s / _STEP_S), 1)
        for span_s in (calibration.window_s, calibration.recalibrate_s)
    )
    first_fit_s = (-(-(window - 1) // every) * every + 1) * _STEP_S
    step, mid_ticks, A, k = result.trace[-1, [0, 2, 3, 4]] if len(result.trace) else [0.0] * 4
    if step < window - 1:
        return (
            f"nothing was quoted: the first fit comes after {first_fit_s:g} s, "
            f"{result.span_s:.1f} s are recorded; shorten calibration.window_s and "
            "recalibrate_s, or give a longer recording"
        )
    if not 0 < mid_ticks < _FARTHEST_TICKS:
        return "nothing was quoted: a side of the book is empty; is there no snapshot and no diff?"
    if np.isnan(A):
        return (
            f"nothing was quoted: no print of the last {calibration.window_s:g} s went two ticks "
            "from the mid, so there was no fit"
        )
    return (
        f"nothing was quoted: the last fit, A {A:.4g} 1/s and k {k:.4g} 1/tick, gives no price "
        "to quote"
    )


def _lots(result: TutorialResult) -> int:
    return int(result.fills[:, FILL_SIDE].sum()) * result.order_lots
