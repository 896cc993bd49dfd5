"""Kernel rules: none allocates while trading, each says what it is, few are long."""

import ast
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import engine
from engine.core.orders import open_lots, reconcile_side
from engine.core.own_intensity import add_exposure
from engine.core.quoter import requote
from engine.core.touch import take_out
from engine.models import flicker, pnl_split
from engine.models.fair import depth_weighted_mid, mid, weighted_mid
from engine.models.level_intensity import first_price
from engine.models.maker import best_working
from engine.models.microprice import microprice
from engine.models.online_intensity import arrive, go_deeper, read_intensity
from engine.models.policy import table_offsets
from engine.models.ring import sum_rows, turn_ring
from engine.models.volatility import update_ewma
from engine.models.window_volatility import note_change
from exchange import simulation
from exchange.binance.scanner import scan_frame, scan_lines
from exchange.jit import FloatArray, signature_of
from exchange.market import market_step, read_touch, touch_before
from exchange.recorded_book import recorded_step
from tests.marks import needs_compiler

ON_EVERY_EVENT: tuple[Callable[..., Any], ...] = (
    # the book
    scan_frame,
    scan_lines,
    market_step,
    read_touch,
    touch_before,
    take_out,
    # what the market says
    mid,
    weighted_mid,
    depth_weighted_mid,
    microprice,
    update_ewma,
    note_change,
    first_price,
    arrive,
    go_deeper,
    read_intensity,
    turn_ring,
    sum_rows,
    flicker.note_trade,
    flicker.move_best,
    flicker.flicker_ratio,
    # what we say to it
    table_offsets,
    requote,
    open_lots,
    reconcile_side,
    add_exposure,
    best_working,
    pnl_split.book_mid,
    pnl_split.book_fill,
    # the recorded market of a replay
    recorded_step,
    simulation.accept_order,
    simulation.cancel_order,
)
"""Those that Python calls; what they call in turn is compiled into them."""

ALLOCATES = re.compile(r"call [^\n]*@NRT_(?:\w*Alloc\w*|MemInfo_(?:alloc|new|varsize)\w*)")


def written(kernel: Any) -> Callable[..., Any]:
    """The Python function of a kernel, compiled or not."""
    function: Callable[..., Any] = getattr(kernel, "py_func", kernel)
    return function


def machine_code(kernel: Callable[..., Any]) -> str:
    """LLVM of a kernel and all that it calls, compiled afresh: none comes with a cached one."""
    fresh = numba.njit(nogil=True)(written(kernel))
    fresh.compile(signature_of(written(kernel)))
    return str(fresh.inspect_llvm(fresh.signatures[0]))


@needs_compiler
@pytest.mark.parametrize("kernel", ON_EVERY_EVENT, ids=lambda kernel: kernel.__name__)
def test_nothing_is_allocated_on_the_path_of_an_event(kernel: Callable[..., Any]) -> None:
    """A trader who waits for the allocator waits longest when the market is busiest."""
    assert ALLOCATES.search(machine_code(kernel)) is None


def hoard(n: int) -> float:
    """What must not be: room made in passing."""
    return float(np.ones(n).sum())


@needs_compiler
@pytest.mark.parametrize("deep", [False, True])
def test_search_for_allocations_finds_them(deep: bool) -> None:
    """A test that finds nothing must be able to, also one call deeper."""
    compiled: Any = numba.njit()(hoard)

    def below(n: int) -> float:
        return float(compiled(n))

    assert ALLOCATES.search(machine_code(below if deep else hoard)) is not None


@needs_compiler
def test_a_view_of_an_array_is_no_allocation() -> None:
    """Kernels cut their scratch into pieces, which costs nothing."""

    def cut(work: FloatArray) -> float:
        half = work[: work.size // 2]
        return float(half[0])

    assert ALLOCATES.search(machine_code(cut)) is None


def kernels_of_the_models() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every kernel of ``engine/models`` as it is written."""
    for path in sorted((Path(engine.__path__[0]) / "models").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and "njit" in map(
                ast.unparse, node.decorator_list
            ):
                yield f"{path.stem}.{node.name}", node


def body_lines(kernel: ast.FunctionDef) -> int:
    """Lines of code below the docstring, a statement on one each."""
    body = kernel.body[1:] if ast.get_docstring(kernel) else kernel.body
    return sum(len(ast.unparse(statement).splitlines()) for statement in body)


KERNELS = dict(kernels_of_the_models())


def test_every_kernel_says_what_it_gives() -> None:
    """In a sentence: what it is, or what it answers."""
    first_lines = {
        name: (ast.get_docstring(kernel) or "\n").splitlines()[0]
        for name, kernel in KERNELS.items()
    }

    assert [name for name, line in first_lines.items() if not line.endswith((".", "?"))] == []


def test_no_kernel_needs_more_than_half_a_screen() -> None:
    """What is longer does two things."""
    assert [name for name, kernel in KERNELS.items() if body_lines(kernel) > 30] == []


def test_kernels_are_as_short_as_their_equations(capsys: pytest.CaptureFixture[str]) -> None:
    """A formula of a paper is a few lines; so is the kernel that is one."""
    median = statistics.median(map(body_lines, KERNELS.values()))
    with capsys.disabled():
        print(f"median body of {len(KERNELS)} kernels: {median:g} lines")

    assert median <= 12
