"""Desk block, whole: rows in and command rows out without a trader, and checkpoints of it."""

import hashlib
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest

from engine.core.apply import apply_input
from engine.core.checkpoint import Checkpoint, name_of
from engine.core.decide import decide
from engine.core.desk_layout import (
    ASKED_VALUE,
    COMMANDS,
    EXPECTED_VALUE,
    FEES_E8,
    MODEL_VALIDITY,
    NOTES,
    ORDER_SLOTS,
    PAUSED_UNTIL_NS,
    SEEN,
    order_column,
)
from engine.core.hear import (
    IN_WIRE,
    MOVED,
    NOT_READ,
    PRINTED,
    hear_frame,
    hear_snapshot,
    hearing_codes,
)
from engine.core.inputs import InputTyper
from engine.core.moment import stamp
from engine.core.operator import OperatorCommand, OperatorRefusal
from engine.core.request_tracker import RequestTracker
from engine.core.states import Mode
from engine.core.trader import Trader
from exchange.binance.frame_scanner import FrameScanner
from exchange.binance.scanner import frame_lots, frame_row, frame_ticks
from exchange.jit import in_python
from exchange.types import Alert, Command, DepthSnapshot, Event, MarketFrame, Tick
from tests.engine.desk_trials import WORLDS
from tests.engine.virtual_desk import GRID, SETTINGS, VirtualDesk
from tests.marks import needs_compiler

WIRE = (frame_row, frame_ticks, frame_lots)
CHECKPOINTS = 1000
SECONDS = 40


class Bare:
    """A block that is driven by rows, with nothing of a trader around it."""

    def __init__(self, memory: Checkpoint) -> None:
        self.memory = memory.copy()
        self._scanner, self._typer = FrameScanner(GRID), InputTyper(GRID)
        self._words = RequestTracker(self.memory.desk)
        self._codes = hearing_codes()

    def receive(self, events: list[Event]) -> list[Command]:
        """The commands that lie in the block afterwards."""
        desk, reals, market = self.memory.desk, self.memory.reals, self.memory.market
        alone = len(events) == 1 and isinstance(events[0], MarketFrame)
        due = moved = False
        for event in events:
            if isinstance(event, MarketFrame):
                heard = self._hear(event, alone)
                moved = moved if heard & PRINTED else bool(heard & MOVED)
                continue
            due = True
            if isinstance(event, DepthSnapshot):
                stamp(desk, event.recv_ns, event.mono_ns)
                self._scanner.scan(event.raw)
                wire = self._scanner.wire
                row, ticks, lots = (in_python(part)(wire) for part in WIRE)
                hear_snapshot(desk, market, self._codes, row, ticks, lots)
                continue
            if isinstance(event, Tick):
                desk[SEEN] = 0  # a market monitor takes it then
            if isinstance(event, OperatorCommand):
                expected = math.nan if event.expected is None else event.expected
                reals[[ASKED_VALUE, EXPECTED_VALUE]] = event.value, expected
            apply_input(desk, reals, market, self._typer.row(event), self._typer.parts(event))
            desk[NOTES] = 0
        if due or moved:
            decide(desk, reals, market, events[-1].recv_ns, events[-1].mono_ns)
        desk[NOTES] = 0
        return self._words.take()

    def _hear(self, event: MarketFrame, alone: bool) -> int:
        memory, scanner, at = self.memory, self._scanner, (event.recv_ns, event.mono_ns)
        rooms = (memory.desk, memory.reals, memory.market, self._codes)
        size = scanner.put(event.raw)
        heard = hear_frame(scanner.raw, scanner.wire, *rooms, size, *at, alone)
        if heard & NOT_READ:
            scanner.scan_by_twin(event.raw)
            heard = hear_frame(scanner.raw, scanner.wire, *rooms, IN_WIRE, *at, alone)
        return heard


class Life:
    """What one desk was given, group by group, and what it asked for."""

    def __init__(self) -> None:
        self.born: Checkpoint | None = None
        self.groups: list[tuple[list[Event], list[Command]]] = []
        self.trader: Trader | None = None


@contextmanager
def noting(life: Life) -> Iterator[None]:
    """Note the life of the trader that is built meanwhile."""
    receive = Trader.receive

    def note(trader: Trader, *events: Any) -> list[Command]:
        if life.born is None:
            life.trader, life.born = trader, trader.memory.copy()
        commands = receive(trader, *events)
        if events and trader is life.trader:
            life.groups.append((list(events), without_words(commands)))
        return commands

    with patch.object(Trader, "receive", note):
        yield


def without_words(commands: list[Command]) -> list[Command]:
    words = (Alert, OperatorRefusal)
    return [command for command in commands if not isinstance(command, words)]


@cache
def a_life(world: str, seed: int) -> Life:
    """A desk of ``desk_trials``, with the faults of its world."""
    life = Life()
    settings = replace(SETTINGS, window_s=5.0, recalibrate_s=1.0)
    rng = random.Random(seed)
    with noting(life):
        desk = VirtualDesk(seed, WORLDS[world].faults, settings)
        for _ in range(10 * SECONDS):
            desk.run(0.1)
            WORLDS[world].chances(desk, rng)
    return life


def digest(memory: Checkpoint) -> bytes:
    rooms = (memory.desk, memory.reals, memory.market)
    return hashlib.blake2b(b"".join(room.tobytes() for room in rooms)).digest()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("world", WORLDS)
def test_a_block_driven_by_rows_asks_for_what_its_trader_did(world: str, seed: int) -> None:
    """Losses, reorderings and the operator's keys included."""
    life = a_life(world, seed)
    assert life.born is not None
    bare = Bare(life.born)

    for events, commands in life.groups:
        assert bare.receive(events) == commands

    assert life.groups


@needs_compiler
def test_a_desk_goes_on_from_any_checkpoint_as_it_went_on() -> None:
    """A thousand of them, each restored into another desk and played a little further."""
    life = a_life("hostile", 1)
    assert life.born is not None
    rng = random.Random(5)
    begun = sorted(rng.randrange(len(life.groups)) for _ in range(CHECKPOINTS))
    ends = {at: min(at + rng.randint(1, 40), len(life.groups)) for at in begun}
    first, digests = Bare(life.born), {}
    for at, (events, _) in enumerate(life.groups):
        first.receive(events)
        if at + 1 in ends.values():
            digests[at + 1] = digest(first.memory)

    second, other = Bare(life.born), Bare(life.born)
    for at, (events, _) in enumerate(life.groups):
        if at in ends:
            other.memory.restore(second.memory)
            for later, commands in life.groups[at : ends[at]]:
                assert other.receive(later) == commands
            assert digest(other.memory) == digests[ends[at]], f"from {at} to {ends[at]}"
        second.receive(events)


def test_a_difference_is_told_by_name_and_value() -> None:
    trader = Trader(SETTINGS, GRID, Mode.PAPER, epoch=1, own_in_book=True)
    before = trader.memory.copy()

    trader.desk[FEES_E8] = 7

    assert trader.memory.difference(before) == "FEES_E8 is 7, not 0"
    assert trader.memory.difference(trader.memory.copy()) == ""


@pytest.mark.parametrize(
    ("room", "at", "name"),
    [
        ("desk", COMMANDS, "COMMANDS"),
        ("desk", PAUSED_UNTIL_NS, "PAUSED_UNTIL_NS"),
        ("desk", PAUSED_UNTIL_NS + 1, f"desk[{PAUSED_UNTIL_NS + 1}]"),
        ("reals", MODEL_VALIDITY, "MODEL_VALIDITY"),
        ("market", 5, "market[5]"),
    ],
)
def test_every_number_has_a_name(room: str, at: int, name: str) -> None:
    assert name_of(room, at) == name


def test_a_number_of_a_table_is_told_by_its_place() -> None:
    trader = Trader(SETTINGS, GRID, Mode.PAPER, epoch=1, own_in_book=True)
    column = in_python(order_column)(trader.desk, 1)
    at = (column.ctypes.data - trader.desk.ctypes.data) // 8

    assert name_of("desk", at + 2) == f"order_column[{ORDER_SLOTS + 2}]"
