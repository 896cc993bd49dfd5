"""Benchmark of the exchange (``engine bench exchange``): it counts what is there. No test asserts a
time: machines are busy."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from engine.bench import exchange as bench_exchange
from engine.bench.exchange import (
    Acks,
    Crowd,
    Figure,
    Meter,
    Reader,
    ReadersFigures,
    market_figures,
    order_figures,
)
from engine.cli import app
from exchange.paper.background.synthetic_flow import SyntheticFlow
from exchange.paper.matching.events import Traded
from exchange.paper.matching.price_time import Matching
from exchange.paper.server.frame_writer import text_frame
from tests.exchange.paper.bench import QUIET

HANDSHAKE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
BEFORE = Meter(0, 0, 0, rounds=100, late_rounds=10, longest_wait_ns=0)
AFTER = Meter(
    2_000_000_000, 500_000_000, 20_000_000, rounds=300, late_rounds=11, longest_wait_ns=3_500_000
)
MARKET_NAMES = [
    "market messages",
    "delivered to 2 readers",
    "  written within 2 ms",
    "  longest wait for company",
    "  E to reader, median",
    "  E to reader, p99",
    "  E to reader, longest",
    "  processor of the exchange",
    "  exchange held up by others",
]
ORDER_NAMES = [
    "order actions",
    "  answered, median",
    "  answered, p99",
    "  answered, longest",
    "  refused",
    "  processor of the exchange",
    "  exchange held up by others",
    "  traders held up by others",
]


@pytest.mark.parametrize("chunk", [1, 3, 1000, 10**6])
async def test_a_reader_counts_whole_frames_however_they_arrive(chunk: int) -> None:
    lengths = [0, 5, 125, 126, 300, 65_535, 65_536]
    sent = HANDSHAKE + b"".join(text_frame(b"x" * length) for length in lengths)
    reader = Reader()

    for at in range(0, len(sent), chunk):
        reader.data_received(sent[at : at + chunk])

    assert reader.frames == len(lengths)


async def test_a_reader_looks_at_the_age_of_what_it_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.250)
    reader = Reader()

    reader.data_received(HANDSHAKE + text_frame(b'{"e":"trade","E":1700000000245,"T":1}'))

    assert reader.ages_ms == [5.0]


def test_the_crowd_trades_at_its_pace_whatever_the_beat() -> None:
    """Each taker is a trade, and so three messages."""
    matching = Matching()
    crowd = Crowd(SyntheticFlow(replace(QUIET, level_lots=1_000_000), matching), matching, 500.0)
    traded = [
        event
        for now_ns in range(0, 2_000_000_001, 10_000_000)
        for events in crowd.advance(now_ns)
        for event in events
        if isinstance(event, Traded)
    ]

    assert len(traded) == 1000
    assert crowd.mark_ticks == 600_000.0
    assert {int(event.taker_side) for event in traded} == {1, -1}


def test_market_figures_are_of_the_slowest_reader_and_of_all() -> None:
    heard = ReadersFigures(2.0, [30_000, 20_000], [float(i) for i in range(100)])
    figures = {figure.name: figure for figure in market_figures(heard, BEFORE, AFTER)}

    assert list(figures) == MARKET_NAMES
    assert [figure.value for figure in figures.values()] == [
        10_000.0,
        25_000.0,
        99.5,
        3.5,
        50.0,
        99.0,
        99.0,
        25.0,
        1.0,
    ]
    assert [figure.holds for figure in figures.values()] == [True, True, True] + [None] * 6


def test_order_figures_miss_what_is_late_refused_or_too_few() -> None:
    took_ms = [1.0] * 970 + [6.0] * 20
    figures = list(order_figures(Acks(1.0, 30_000_000, took_ms, ["{}"]), BEFORE, AFTER))

    assert [figure.name for figure in figures] == ORDER_NAMES
    assert [figure.value for figure in figures] == [990.0, 1.0, 6.0, 6.0, 1, 25.0, 1.0, 3.0]
    assert [figure.holds for figure in figures] == [False, None, False, None, False] + [None] * 3


@pytest.mark.parametrize(
    ("figure", "holds"),
    [
        (Figure("a", 10.0, "/s"), None),
        (Figure("a", 10.0, "/s", 10.0), True),
        (Figure("a", 9.9, "/s", 10.0), False),
        (Figure("a", 5.0, "ms", 5.0, at_least=False), True),
        (Figure("a", 5.1, "ms", 5.0, at_least=False), False),
    ],
)
def test_a_figure_holds_at_its_target_and_on_its_better_side(
    figure: Figure, holds: bool | None
) -> None:
    assert figure.holds is holds


def test_the_command_measures_a_real_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny numbers; every figure is there, and nothing was refused."""
    for name, tiny in (
        ("MESSAGES_PER_S", 300),
        ("READERS", 2),
        ("ACTIONS_PER_S", 60),
        ("CONNECTIONS", 2),
    ):
        monkeypatch.setattr(bench_exchange, name, tiny)

    done = CliRunner().invoke(app, ["bench", "exchange", "--seconds", "0.5", "--json"])
    figures = {(row["part"], row["name"]): row["value"] for row in json.loads(done.stdout)}

    named = {"market": MARKET_NAMES, "orders": ORDER_NAMES}
    assert list(figures) == [(part, n.strip()) for part in named for n in named[part]]
    assert figures["market", "market messages"] > 30
    assert figures["orders", "order actions"] > 10
    assert figures["orders", "refused"] == 0


@pytest.mark.parametrize(("value", "code"), [(9_000.0, 1), (11_000.0, 0)])
def test_a_missed_target_ends_the_command_with_1(
    monkeypatch: pytest.MonkeyPatch, value: float, code: int
) -> None:
    figures = [
        Figure("market messages", value, "/s", 10_000),
        Figure("  answered, p99", 1.234, "ms", 5.0, at_least=False),
    ]
    monkeypatch.setattr(bench_exchange, "measure", lambda *_: iter(figures))

    done = CliRunner().invoke(app, ["bench", "exchange"])
    lines = [line.split() for line in done.stdout.splitlines()]

    assert done.exit_code == code
    assert ["market", "messages", f"{value:,.0f}", "/s", "≥", "10,000", "/s"] == lines[1][:-1]
    assert lines[1][-1] == ("no" if code else "yes")
    assert lines[2] == ["answered,", "p99", "1.23", "ms", "≤", "5", "ms", "yes"]
