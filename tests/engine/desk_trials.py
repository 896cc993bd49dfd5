"""Thousands of desks on bad networks, each held against its exchange at the end.

    python -m tests.engine.desk_trials                   # 2,000 seeds of each world
    python -m tests.engine.desk_trials --seeds 100 --world hostile --first 7

Prints the score by invariant, each broken seed, and how fast the virtual clock ran.
"""

import argparse
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from rich.progress import track

from engine.core.actions import Action
from exchange.paper.faults.plan import FaultPlan
from tests.engine.network_faults import (
    market_lost,
    private_cut,
    private_late,
    private_repeated,
    private_stalled,
    replies_late,
    replies_lost,
    requests_late,
    requests_lost,
    rest_lags_up_to,
    trades_late,
)
from tests.engine.virtual_desk import SETTINGS, VirtualDesk

_LOSSES = (
    replies_lost(0.05),
    requests_lost(0.03),
    private_repeated(0.1),
    private_late(0.1),
    market_lost(0.01),
    trades_late(300.0),
)
LOSSY = FaultPlan((*_LOSSES, requests_late(0.02), private_cut(5.0)))
"""Everything that a network loses, ten times as often as a bad one does."""
HOSTILE = FaultPlan(
    (
        *_LOSSES,
        requests_late(0.05),
        replies_late(0.05),
        private_stalled(7.3),
        private_cut(8.0),
        rest_lags_up_to(2.5),
    )
)
"""Besides: answers seconds late, a stream that stalls, and REST that lags behind it."""

_SECONDS = 30
_KILL = 0.003
_KEY = 0.01
_SETTLING_S = 20.0
_TOLD_EVERY = 20
"""Seeds between two lines of progress where no terminal shows a bar."""


@dataclass(frozen=True)
class World:
    """What one desk goes through."""

    faults: FaultPlan
    chances: Callable[[VirtualDesk, random.Random], None]
    """What else happens, ten times a second."""


def _nothing(_desk: VirtualDesk, _rng: random.Random) -> None:
    pass


def _kills_and_keys(desk: VirtualDesk, rng: random.Random) -> None:
    if rng.random() < _KILL:
        desk.kill()
    if rng.random() < _KEY:
        action, name, value = rng.choice(
            [
                (Action.PAUSE, "", 0.0),
                (Action.RESUME, "", 0.0),
                (Action.RESUME, "", 0.0),
                (Action.SIDE_OFF, "bid", 0.0),
                (Action.SIDE_ON, "bid", 0.0),
                (Action.SIDE_OFF, "ask", 0.0),
                (Action.SIDE_ON, "ask", 0.0),
                (Action.SET, "gamma", 0.02),
                (Action.SET, "adj1", 0.7),
                (Action.PANIC, "", 0.0),
            ]
        )
        desk.operate(action, name, value=value)
        if action is Action.PANIC:
            desk.operate(Action.RESUME)


WORLDS = {"steady": World(LOSSY, _nothing), "hostile": World(HOSTILE, _kills_and_keys)}


def broken_invariants(world: World, seed: int) -> list[str]:
    """Let one desk live for half a minute, stop it, and ask the exchange what it left."""
    desk, rng = VirtualDesk(seed, world.faults), random.Random(seed)
    worst_lots = 0
    for _ in range(_SECONDS * 10):
        desk.run(0.1)
        world.chances(desk, rng)
        worst_lots = max(worst_lots, desk.symbol_account.holding.worst_lots)
    desk.end_faults()
    desk.operate(Action.STOP, "keep")
    try:
        desk.run_until(lambda: desk.trader.finished)
    except AssertionError:
        return ["stop: never finished"]
    desk.run(_SETTLING_S)
    return list(_wrong(desk, worst_lots))


def _wrong(desk: VirtualDesk, worst_lots: int) -> Iterator[str]:
    ledger, account, held = (
        desk.trader.ledger,
        desk.trader.account,
        desk.symbol_account.holding.lots,
    )
    if worst_lots > SETTINGS.max_position_lots:
        yield f"limit: {worst_lots} of {SETTINGS.max_position_lots} lots"
    if desk.our_open_orders:
        yield f"orders: {len(desk.our_open_orders)} left"
    if ledger.position_lots != held:
        yield f"position: {ledger.position_lots} for {held}"
    wallet_e8 = desk.client.account.wallet_e8
    if account.wallet_e8 != wallet_e8:
        yield f"wallet: {account.wallet_e8} for {wallet_e8}"
    residual_e8 = account.residual_e8(ledger.realised_e8 - ledger.fees_e8 - ledger.funding_e8)
    if residual_e8 is None or abs(residual_e8) > ledger.fills:
        yield f"residual: {residual_e8} e-8 over {ledger.fills} fills"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--world", choices=WORLDS, action="append", help="by default all")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    asked = parser.parse_args()
    return max([_play(name, asked) for name in asked.world or WORLDS])


def _play(name: str, asked: argparse.Namespace) -> int:
    seeds = range(asked.first, asked.first + asked.seeds)
    score: Counter[str] = Counter()
    broken = 0
    started_s = time.monotonic()
    with multiprocessing.Pool(asked.processes) as pool:
        results = pool.imap(partial(_try, name), seeds)
        bar = track(results, name, total=len(seeds), disable=not sys.stderr.isatty())
        for done, (seed, wrong) in enumerate(bar, 1):
            broken += bool(wrong)
            score.update(text.partition(":")[0] for text in wrong)
            for text in wrong:
                print(f"{name} seed {seed}: {text}", flush=True)
            if done % _TOLD_EVERY == 0 and not sys.stderr.isatty():
                told = f"{name}: {done - broken} of {done} desks hold so far"
                print(told, file=sys.stderr, flush=True)
    spent_s = time.monotonic() - started_s
    speed = len(seeds) * (_SECONDS + _SETTLING_S) / spent_s / asked.processes
    parts = ", ".join(
        f"{kind} {len(seeds) - score[kind]}"
        for kind in ("stop", "limit", "orders", "position", "wallet", "residual")
    )
    print(f"{name}: {len(seeds) - broken} of {len(seeds)} desks hold ({parts});", end=" ")
    print(f"{speed:.0f} times real time on each of {asked.processes} processes", flush=True)
    return int(broken > 0)


def _try(name: str, seed: int) -> tuple[int, list[str]]:
    return seed, broken_invariants(WORLDS[name], seed)


if __name__ == "__main__":
    sys.exit(main())
