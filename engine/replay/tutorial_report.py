"""Report of the replayed tutorial: its fills and its money, counted as hftbacktest counts them."""

from collections.abc import Iterator
from typing import Any

from engine.config.desk import Config
from engine.replay.fills_file import FillRow
from engine.replay.peer_loop import F_EXCH, F_PRICE, F_SIDE
from engine.replay.tutorial_replay import TutorialResult


def fill_rows(result: TutorialResult, config: Config) -> Iterator[FillRow]:
    """Every fill, as a line of a file."""
    grid = config.grid()
    qty = grid.qty.text(result.order_lots)
    for fill in result.fills.tolist():
        side = "B" if fill[F_SIDE] > 0 else "S"
        yield fill[F_EXCH], side, grid.price.text(fill[F_PRICE]), qty, 1


def as_dict(result: TutorialResult, config: Config) -> dict[str, Any]:
    """The result as plain data, the same for the same input."""
    return {
        "config": config.name,
        "strategy": "tutorial",
        "fills_by": "hftbacktest",
        "symbol": config.desk.symbol,
        "files": result.files,
        "lines": result.lines,
        "events": result.events,
        "span_s": round(result.span_s, 3),
        "clock_shift_ms": result.clock_shift_ms,
        "tears": result.tears,
        "submits": result.submits,
        "cancels": result.cancels,
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
    if result.clock_shift_ms:
        print(f"receive times moved by {result.clock_shift_ms:+.1f} ms")
    for tear in result.tears:
        print(f"TORN {tear}")
    print(
        f"fills     {len(result.fills)} of {result.submits} orders, {result.cancels} cancels asked"
    )
    print(f"position  {qty.text(_lots(result))}")
    print(
        f"equity    {result.equity_usdt:+.4f} USDT = balance {result.balance_usdt:+.4f} and the "
        f"position at the last mid, less fees {result.fees_usdt:.4f}"
    )


def _lots(result: TutorialResult) -> int:
    return int(result.fills[:, F_SIDE].sum()) * result.order_lots
