"""The scanner against its twin, on every real message there is and on a million wounded ones.

python -m tests.exchange.binance.scanner_trials
python -m tests.exchange.binance.scanner_trials --mutants 20000 --seed 7
"""

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.progress import track

from exchange.binance.frame_scanner import FrameScanner
from exchange.instrument import Instrument
from exchange.recording.reader import Recording
from tests.exchange.binance.scanned import by_scanner, by_twin, mutated, respelt
from tests.places import DATA


def _recordings(folder: str, *grid: str) -> dict[Path, Instrument]:
    instrument = Instrument.from_steps(*grid)
    return dict.fromkeys(sorted((DATA / folder).glob("*.*")), instrument)


RECORDINGS = {
    **_recordings("hftbacktest/usdm", "BTCUSDT", "0.1", "0.001"),
    **_recordings("hftbacktest/cm", "BTCUSD_PERP", "0.1", "1"),
    **_recordings("hftbacktest/spot", "BTCUSDT", "0.01", "0.00000001"),
    **_recordings("playground/spot", "NEXOUSDT", "0.001", "0.01"),
}
"""Every recording of lines, and its grid."""


def messages(path: Path) -> Iterator[bytes]:
    """Every message of a recording, as it was sent."""
    return (line.raw for line in Recording(path))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    quiet = not sys.stderr.isatty()
    rng = random.Random(asked.seed)
    real = left = differing = 0
    kept: list[tuple[bytes, Instrument]] = []
    for path, instrument in track(RECORDINGS.items(), "recordings", disable=quiet):
        scanner = FrameScanner(instrument)
        for raw in messages(path):
            real += 1
            told = by_scanner(raw, scanner)
            left += told is None
            if told is not None and told != by_twin(raw, instrument):
                differing += 1
                print(f"{path.name}: {raw[:300]!r}", flush=True)
            if len(raw) < 1500 and rng.random() < 0.02:
                kept.append((raw, instrument))
    print(f"{real} real messages, {left} left to the twin, {differing} read otherwise", flush=True)
    read = 0
    scanners = {id(instrument): FrameScanner(instrument) for instrument in RECORDINGS.values()}
    for _ in track(range(asked.mutants), "mutants", disable=quiet):
        raw, instrument = rng.choice(kept)
        raw = mutated(respelt(raw, rng) if rng.random() < 0.3 else raw, rng)
        told = by_scanner(raw, scanners[id(instrument)])
        read += told is not None
        if told is not None and told != by_twin(raw, instrument):
            differing += 1
            print(f"{instrument.symbol}: {raw[:600]!r}", flush=True)
    print(f"{asked.mutants} mutants, {read} read by the scanner; {differing} in all read otherwise")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
