"""JIT warm-up: every kernel compiled before anything starts, with a bar where a person waits."""

import importlib
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from engine.errors import Interrupted, StartError
from engine.process.heap import no_collections
from exchange.errors import ExchangeError
from exchange.jit_cache import is_warm, mark_warm, open_cache

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
_SECOND = (
    *("scan_frame", "market_step", "recorded_step", "peer_step"),
    *("look", "act", "decide", "hear_event", "hear_frame", "hear_snapshot"),
)
"""What the second of two processes compiles, in this order: what reads the market, half of it all.
A kernel that calls another comes after it, since it need only link it then. Either takes 1 GB."""


def warm_up(kind: str = "desk") -> None:
    """Compile or load the kernels in this process; a bar on a terminal when it must compile.

    Args:
        kind: Of process that it is to be, of ``_ROOMS``.

    Raises:
        StartError: When compiling failed; the process that did has said why.
        Interrupted: When it was interrupted.
    """
    compile_first(kind)
    with no_collections():
        from exchange.jit import warm_up as load

        for _step in load(_kernels(kind)):
            pass


def compile_first(kind: str = "desk") -> None:
    """Compile what a kind of process calls, where this code never ran on this machine.

    In processes of their own, side by side, with one bar for all: so no screen carries numba for
    the rest of its life, and two cores take half the time.

    Raises:
        StartError: When compiling failed; the process that did has said why.
        Interrupted: When it was interrupted.
        SettingsError: When the folder for compiled kernels cannot be written.
    """
    if is_warm(kind) or os.environ.get("NUMBA_DISABLE_JIT"):
        return
    open_cache()
    with ExitStack() as stack:
        parts = [stack.enter_context(_compiler(kind, part)) for part in range(2)]
        for part in parts:
            stack.callback(part.kill)  # whatever ends this ends them; one that has ended stays so
        code = _show(parts)
    if code in (Interrupted.exit_code, -signal.SIGINT):
        raise Interrupted("interrupted; nothing was started")
    if code < 0:
        name = signal.Signals(-code).name
        raise StartError(f"the kernels could not be compiled: {name}; is there 2 GB of memory?")
    if code:
        raise StartError("the kernels could not be compiled; see above")
    mark_warm(kind)


def _compiler(kind: str, part: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "engine.process.warm_up", kind, str(part)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _show(parts: list[subprocess.Popen[str]]) -> int:
    """Show what each process has compiled until all have ended or one failed: its exit code."""
    with _bar() as advance, selectors.DefaultSelector() as waiting:
        for part in parts:
            assert part.stdout is not None
            waiting.register(part.stdout, selectors.EVENT_READ, part)
        totals: dict[int, int] = {}
        while waiting.get_map():
            for key, _ in waiting.select():
                line = key.data.stdout.readline()
                if line:
                    totals[key.fd], name = int(line.split()[0]), line.split()[1]
                    advance(sum(totals.values()), name)
                    continue
                waiting.unregister(key.fileobj)
                if code := key.data.wait():
                    return int(code)
    return 0


@contextmanager
def _bar() -> Iterator[Callable[[int, str], None]]:
    """A bar on a terminal, nothing elsewhere; called with how many there are, and the newest."""
    if not sys.stderr.isatty():
        yield lambda _total, _name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("compiling kernels (once)"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TextColumn("{task.fields[name]}"), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, name="")
        yield lambda total, name: bar.update(task, advance=1, total=total, name=name)


# ---------------------------------------------------------------- in a process of its own


def _kernels(kind: str) -> list[Any]:
    """Everything that a kind of process calls, callers first."""
    with no_collections():
        rooms = [importlib.import_module(room) for room in _ROOMS[kind]]
        from exchange.jit import cold_kernels

    listed = [getattr(room, "KERNELS", ()) for room in rooms]
    if all(listed):
        return [kernel for kernels in listed for kernel in kernels]
    return cold_kernels()


def _share(kernels: list[Any], part: int) -> list[Any]:
    """What the first or the second of the two processes compiles."""
    by_name = {kernel.__name__: kernel for kernel in kernels}
    second = [by_name[name] for name in _SECOND if name in by_name]
    return second if part else [kernel for kernel in kernels if kernel not in second]


def _compile(kind: str, part: int) -> None:
    """Compile one share, and print each kernel as it is done."""
    from exchange.jit import warm_up as load

    for _done, total, name in load(_share(_kernels(kind), part)):
        print(total, name, flush=True)


if __name__ == "__main__":
    try:
        _compile(sys.argv[1], int(sys.argv[2]))
    except ExchangeError as error:
        sys.exit(f"engine: {error}")
    except BrokenPipeError:
        os._exit(1)  # nobody waits for it any more
    except KeyboardInterrupt:
        # The terminal's ctrl+c comes here too; who started this says so.
        sys.exit(Interrupted.exit_code)
