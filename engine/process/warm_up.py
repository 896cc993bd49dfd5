"""JIT warm-up: every kernel compiled before anything starts, with a bar where a person waits."""

import importlib
import subprocess
import sys

from engine.errors import Interrupted, StartError
from engine.process.heap import no_collections
from exchange.errors import ExchangeError
from exchange.jit_cache import is_warm, mark_warm

_SCANNER = "exchange.binance.scanner"
_DESK = (_SCANNER, "exchange.book", "engine.core.trader")
_ROOMS = {
    "desk": _DESK,
    "exchange": ("exchange.recorded_book",),
    "desk replay": (*_DESK, "exchange.simulation", "engine.replay.driver"),
    "tutorial": ("engine.replay.tutorial_replay",),
}
"""Where the kernels are that each kind of process calls: all that are imported with a room, or
those alone that it lists as ``KERNELS``."""


def warm_up(*kinds: str) -> None:
    """Compile or load the kernels in this process; a bar on a terminal when it must compile.

    Args:
        kinds: Of process that it is to be, of ``_ROOMS``; by default a desk.
    """
    with no_collections():
        wanted = [room for kind in kinds or ("desk",) for room in _ROOMS[kind]]
        rooms = [importlib.import_module(room) for room in wanted]
        from exchange.jit import warm_up as load

    lists = [getattr(room, "KERNELS", ()) for room in rooms]
    steps = load([kernel for listed in lists for kernel in listed] if all(lists) else None)
    if is_warm() or not sys.stderr.isatty():
        with no_collections():
            for _step in steps:
                pass
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("compiling kernels (once)"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TextColumn("{task.fields[name]}"), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, name="")
        for done, total, name in steps:
            bar.update(task, completed=done, total=total, name=name)


def warm_up_first() -> None:
    """Before a desk opens on a machine that never ran this code: compile in a child, with a bar.

    A child, so that a screen need not carry numba for the rest of its life.

    Raises:
        StartError: When compiling failed; the child has said why.
        Interrupted: When the child was interrupted.
    """
    if is_warm():
        return
    match subprocess.call([sys.executable, "-m", "engine.process.warm_up"]):
        case 0:
            return
        case Interrupted.exit_code:
            raise Interrupted("interrupted; nothing was started")
    raise StartError("the kernels could not be compiled; see above")


if __name__ == "__main__":
    try:
        warm_up(*_ROOMS)
        mark_warm()
    except ExchangeError as error:
        sys.exit(f"engine: {error}")
    except KeyboardInterrupt:
        sys.exit(130)  # the terminal's ctrl+c comes here too; who started this says so
