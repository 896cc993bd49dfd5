"""Digests of the trader's command streams, to prove that a change of the code changes none.

    python -m tests.engine.command_streams                    # compare with the kept digests
    python -m tests.engine.command_streams --only replay      # those whose name begins so
    python -m tests.engine.command_streams --record           # write the kept digests anew
    python -m tests.engine.command_streams --keep FOLDER      # and what the traders were fed
    python -m tests.engine.command_streams --feed FOLDER      # feed that to the present trader

A stream is every command that the trader gave, each with the time at which it did, while one
recording was replayed, one desk of ``desk_trials`` lived through its seed, or one market regime
ran for an hour on the virtual clock. Floating point differs between processors and versions of
numba: where the first comparison on a machine fails, check out the commit that last changed
``command_streams.txt``, record there, and compare with that.

What was fed is kept by the groups in which it was; to feed it again takes no exchange, a tenth of
the time, and tells the first turn that differs, with what was expected of it.
"""

import argparse
import hashlib
import multiprocessing
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import msgspec
from rich.progress import track

from engine.config.desk import load_config
from engine.core.operator import OperatorRefusal
from engine.core.trader import Trader
from engine.process.warm_up import warm_up
from engine.replay.driver import Replay
from exchange.paper.settings import Regime
from tests.engine.desk_trials import WORLDS, World
from tests.engine.kept_inputs import InputsFile, first_difference
from tests.engine.virtual_desk import MARKET, VirtualDesk
from tests.places import DATA

KEPT = Path(__file__).with_suffix(".txt")
_SEEDS = 100
_TRIAL_S = 30
_HOUR_S = 3600
_CONFIGS = Path(__file__).resolve().parents[2] / "configs"

_NEXO = (
    "desk.symbol=NEXOUSDT",
    "instrument.tick_size=0.001",
    "instrument.lot_size=0.01",
    "strategy.order_qty=10",
    "strategy.max_position=200",
)
_RECORDINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "usdm": ("hftbacktest/usdm/btcusdt_20240808.gz", ()),
    "nexo_evening": ("playground/spot/nexousdt_20240723.dat", _NEXO),
    "nexo_day": ("playground/spot/nexousdt_20240724.dat.gz", _NEXO),
}
_DESKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "paper": ("paper.toml", ()),
    "study": ("study.toml", ()),
    "near": (
        "paper.toml",
        (
            "calibration.window_s=10",
            "strategy.adj1=0.02",
            "strategy.adj2=0.02",
            "strategy.grid_num=1",
        ),
    ),
}


class _Digest:
    """What a stream comes to."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._commands = 0

    def note(self, at_ns: int, commands: list[Any]) -> None:
        for command in commands:
            if isinstance(command, OperatorRefusal):
                continue  # it goes to a console, not to the venue
            self._commands += 1
            self._hash.update(b"%d " % at_ns + msgspec.json.encode(command) + b"\n")

    def __str__(self) -> str:
        return f"{self._commands} {self._hash.hexdigest()}"


@contextmanager
def _listening(kept: InputsFile | None) -> Iterator[_Digest]:
    """Every command that any trader gives meanwhile, kept with what it was given."""
    digest = _Digest()
    build, receive = Trader.__init__, Trader.receive

    def build_noting(self: Trader, *given: Any, **options: Any) -> None:
        build(self, *given, **options)
        if kept is not None:
            kept.note_built(self, options)

    def receive_noting(self: Trader, *events: Any) -> Any:
        commands = receive(self, *events)
        digest.note(events[-1].mono_ns if events else 0, commands)
        if kept is not None and events:
            kept.note_turn(self, list(events), commands)
        return commands

    with (
        patch.object(Trader, "__init__", build_noting),
        patch.object(Trader, "receive", receive_noting),
    ):
        yield digest


def _replay(recording: str, desk: str) -> None:
    path, of_recording = _RECORDINGS[recording]
    config, of_desk = _DESKS[desk]
    settings = load_config(_CONFIGS / config, [*of_recording, *of_desk])
    Replay(settings, [DATA / path], lambda _done, _total: None).run()


def _live_through(world: World, seed: int) -> None:
    desk, rng = VirtualDesk(seed, world.faults), random.Random(seed)
    for _ in range(_TRIAL_S * 10):
        desk.run(0.1)
        world.chances(desk, rng)


def _run_regime(regime: Regime) -> None:
    VirtualDesk(1, market=replace(MARKET, regime=regime)).run(_HOUR_S)


def _streams() -> dict[str, Callable[[], None]]:
    """The longest first, so that all processes end together."""
    streams: dict[str, Callable[[], None]] = {}
    for recording in reversed(_RECORDINGS):
        for desk in _DESKS:
            streams[f"replay/{recording}/{desk}"] = partial(_replay, recording, desk)
    for regime in get_args(Regime):
        streams[f"regime/{regime}"] = partial(_run_regime, regime)
    for name, world in WORLDS.items():
        for seed in range(_SEEDS):
            streams[f"{name}/{seed}"] = partial(_live_through, world, seed)
    return streams


def live(folder: Path | None, name: str) -> tuple[str, str]:
    """Let a stream happen, and keep what was fed; its digest."""
    with ExitStack() as stack:
        file = None if folder is None else InputsFile(_file_of(folder, name))
        kept = None if file is None else stack.enter_context(file)
        with _listening(kept) as digest:
            _streams()[name]()
    return name, str(digest)


def feed(folder: Path, name: str) -> tuple[str, str]:
    """Feed a kept stream; what differs, or nothing."""
    return name, first_difference(_file_of(folder, name))


def _file_of(folder: Path, name: str) -> Path:
    return folder / f"{name.replace('/', '-')}.zst"


def _compare(names: list[str], asked: argparse.Namespace) -> int:
    """Let all streams happen, and hold them against the kept digests; how many differ."""
    kept = dict(line.split(" ", 1) for line in KEPT.read_text("ascii").splitlines() if line)
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
    differing = 0
    for name, digest in _each(partial(live, asked.keep), names, asked.processes):
        if not asked.record and kept.get(name) != digest:
            differing += 1
            print(f"{name}: {digest}, kept is {kept.get(name, 'none')}", flush=True)
        kept[name] = digest
    if asked.record:
        KEPT.write_text("".join(f"{name} {kept[name]}\n" for name in sorted(kept)), "ascii")
    return differing


def _feed_all(names: list[str], asked: argparse.Namespace) -> int:
    """Feed all kept streams to the present trader; how many differ."""
    differing = 0
    for name, difference in _each(partial(feed, asked.feed), names, asked.processes):
        if difference:
            differing += 1
            print(f"{name}: {difference}", flush=True)
    return differing


def _each(
    work: Callable[[str], tuple[str, str]], names: list[str], processes: int
) -> Iterator[tuple[str, str]]:
    """What comes of each stream, as soon as it is there."""
    with multiprocessing.Pool(processes, maxtasksperchild=20) as pool:
        results = pool.imap_unordered(work, names)
        yield from track(results, "streams", len(names), disable=not sys.stderr.isatty())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="keep what is found")
    parser.add_argument("--only", default="", metavar="PREFIX")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write what is fed there")
    parser.add_argument("--feed", type=Path, metavar="FOLDER", help="feed what was kept there")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    asked = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The virtual desk's own order of work depends on it.
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.engine.command_streams", *sys.argv[1:]],
            os.environ | {"PYTHONHASHSEED": "0"},
        )
    warm_up("desk replay")
    names = [name for name in _streams() if name.startswith(asked.only)]
    differing = _compare(names, asked) if asked.feed is None else _feed_all(names, asked)
    print(f"{len(names) - differing} of {len(names)} streams {'kept' if asked.record else 'equal'}")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
