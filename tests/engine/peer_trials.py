"""The tutorial's replay against hftbacktest, on wounded recordings with settings drawn by chance.

    python -m tests.engine.peer_trials --peer ~/hft/bin/python
    python -m tests.engine.peer_trials --peer ~/hft/bin/python --trials 1 --first 17

A trial is a stretch of a real recording, as it is, or with diffs lost, snapshots and diffs
without levels put in, and the recorder's clock set otherwise; and latencies, a queue model and
parameters. Both must have the same fills, submits and cancels. ``--peer`` names an interpreter
that has hftbacktest 2.4.4.
"""

import argparse
import gzip
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson
from rich.progress import track

from engine.bench.replay import convert, equal_fills
from engine.config.desk import Config, load_config
from engine.config.shipped_files import SHIPPED
from engine.errors import StartError
from exchange.recording.reader import RecordedLine, Recording
from tests.places import COINM, USDM

_PERP = ("desk.symbol=BTCUSD_PERP", "instrument.lot_size=1", "strategy.order_qty=1")
_MARKETS = (
    (USDM, ()),
    (USDM, ("strategy.max_position=0.03",)),
    (COINM, (*_PERP, "strategy.max_position=20")),
)
_SIZES = (6_000, 12_000, 20_000)
_LOST = (0.0, 0.1, 0.6)
"""Share of the diffs."""
_SNAPSHOTS = 0.004
"""For each diff."""
_KEPT = (0.7, 0.05, 0.01)
"""Share of the levels of a snapshot."""
_AHEAD_MS = (-2_000, 0, 0, 3_000, 300_000)
"""What the recorder's clock is set forward by."""
_SETTINGS: dict[str, tuple[Any, ...]] = {
    "replay.queue": ("risk_averse", "log", "log2", "power", "power2", "power3"),
    "replay.queue_power": (0.5, 1.5, 2, 2.5, 3),
    "replay.order_latency_ms": (0, 1, 5, 20, 100, 700),
    "replay.response_latency_ms": (0, 1, 10, 50, 300),
    "strategy.adj1": (0.005, 0.05, 0.2, 1, 30_000),
    "strategy.adj2": (0.001, 0.01, 0.05),
    "strategy.gamma": (0.01, 0.05, 0.2),
    "strategy.grid_num": (1, 5, 20),
    "calibration.window_s": (5, 10, 30),
}


def wounded(lines: list[RecordedLine], chance: random.Random) -> list[RecordedLine]:
    """Without some diffs, with snapshots that say another book than the diffs do, of which one
    side may go again at once, and with diffs of no level.
    """
    first = next(orjson.loads(line.raw) for line in lines if b'"lastUpdateId"' in line.raw)
    lost, kept = chance.choice(_LOST), []
    for line in lines:
        if b'"depthUpdate"' not in line.raw:
            kept.append(line)
            continue
        if chance.random() >= lost:
            kept.append(line)
        if chance.random() < _SNAPSHOTS:
            diff = orjson.loads(line.raw)["data"]
            said = _snapshot(first, diff, chance)
            gone = chance.choice(("bids", "asks", ""))
            levels = [[price, "0"] for price, _ in said.get(gone, [])]
            empty = diff | {"b": [], "a": []} | ({gone[0]: levels} if gone else {})
            kept.append(line._replace(raw=orjson.dumps(said)))
            kept.append(line._replace(raw=orjson.dumps({"data": empty})))
    return kept


def _snapshot(first: dict[str, Any], diff: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The first snapshot again, some ticks away and thinner, at the time of a diff."""
    away = chance.randrange(-3000, 3000) / 10
    share = chance.choice(_KEPT)
    sides = {
        side: [
            [f"{float(price) + away:.2f}", qty]
            for price, qty in first[side]
            if chance.random() < share
        ]
        for side in ("bids", "asks")
    }
    return {"lastUpdateId": diff["u"], "E": diff["E"], "T": diff["T"], **sides}


def draw(number: int, file: Path) -> Config:
    """Write the recording of a trial; its settings."""
    chance = random.Random(number)
    path, over = chance.choice(_MARKETS)
    drawn = [f"{name}={chance.choice(values)}" for name, values in _SETTINGS.items()]
    lines = [line for line in Recording(path) if b'"bookTicker"' not in line.raw]
    if chance.random() < 0.5:
        lines = wounded(lines, chance)
    size = chance.choice(_SIZES)
    at = chance.randrange(max(len(lines) - size, 1))
    ahead_ns = chance.choice(_AHEAD_MS) * 1_000_000
    stretch = lines[at : at + size]
    text = b"".join(b"%d %b\n" % (line.recv_ns + ahead_ns, line.raw) for line in stretch)
    file.write_bytes(gzip.compress(text, 1))
    return load_config(SHIPPED / "tutorial.toml", [*over, *drawn])


def trial(number: int, peer_python: str, folder: Path) -> int:
    """How many fills both have.

    Raises:
        StartError: When they are not the same.
    """
    file, events = folder / "trial.gz", folder / "trial.npz"
    config = draw(number, file)
    convert(config, file, peer_python, events)
    return equal_fills(config, file, peer_python, events)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    numbers = range(asked.first, asked.first + asked.trials)
    fills = differing = 0
    with tempfile.TemporaryDirectory(prefix="makers-desk-trials-") as folder:
        for number in track(numbers, "trials", disable=not sys.stderr.isatty()):
            try:
                fills += trial(number, asked.peer, Path(folder))
            except StartError as error:
                differing += 1
                print(f"trial {number}: {error}", flush=True)
    print(f"{len(numbers) - differing} of {len(numbers)} trials equal, {fills} fills")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
