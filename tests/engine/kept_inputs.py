"""Kept inputs of traders, with the commands that they led to, to be fed to another build.

A file is msgpack values, packed by zstd: a ``Built`` for each trader that was made, and a ``Turn``
for each group of events that one was given, in the order in which all that happened.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import zstandard

from engine.core.operator import OperatorCommand, OperatorRefusal
from engine.core.settings import DeskSettings
from engine.core.states import Mode
from engine.core.trader import Trader
from exchange import types
from exchange.instrument import Instrument

AnyEvent: TypeAlias = (
    types.MarketFrame
    | types.DepthSnapshot
    | types.OrderUpdate
    | types.Fill
    | types.AccountUpdate
    | types.AccountSnapshot
    | types.TradesSnapshot
    | types.ListenKeyExpired
    | types.Reply
    | types.ClockMeasured
    | types.Tick
    | types.LinkUp
    | types.LinkDown
    | OperatorCommand
)
AnyCommand: TypeAlias = (
    types.Place
    | types.Cancel
    | types.QueryOrder
    | types.FetchAccount
    | types.FetchTrades
    | types.FetchSnapshot
    | types.SyncClock
    | types.RefreshCountdown
    | types.Reconnect
    | types.Alert
    | OperatorRefusal
)


class Built(msgspec.Struct, tag=True):
    """A trader, as it was made."""

    trader: int
    settings: DeskSettings
    symbol: str
    tick_size: str
    lot_size: str
    mode: Mode
    options: dict[str, int | bool]

    def build(self) -> Trader:
        instrument = Instrument.from_steps(self.symbol, self.tick_size, self.lot_size)
        options: Any = self.options
        return Trader(self.settings, instrument, self.mode, **options)


class Turn(msgspec.Struct, tag=True):
    """What one trader was given at once, and what it said to that."""

    trader: int
    events: list[AnyEvent]
    commands: list[AnyCommand]


class InputsFile(AbstractContextManager["InputsFile"]):
    """Writes what traders are made of, given, and say."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._packed: Any = zstandard.ZstdCompressor().stream_writer(self._file)
        self._numbers: dict[int, int] = {}
        self._traders: list[Trader] = []  # kept alive, so that no two have one id

    def __exit__(self, *_details: object) -> None:
        self._packed.close()
        self._file.close()

    def note_built(self, trader: Trader, options: dict[str, int | bool]) -> None:
        number = self._numbers[id(trader)] = len(self._traders)
        self._traders.append(trader)
        grid = trader.instrument
        self._write(
            Built(
                number,
                trader.settings,
                grid.symbol,
                grid.price.step,
                grid.qty.step,
                trader.mode,
                options,
            )
        )

    def note_turn(
        self,
        trader: Trader,
        events: list[AnyEvent],
        commands: list[Any],
    ) -> None:
        self._write(Turn(self._numbers[id(trader)], events, commands))

    def _write(self, entry: Built | Turn) -> None:
        packed = msgspec.msgpack.encode(entry)
        self._packed.write(len(packed).to_bytes(4, "little") + packed)


def _entries(path: Path) -> Iterator[Built | Turn]:
    decode = msgspec.msgpack.Decoder(Built | Turn).decode
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as text:
        while size := text.read(4):
            yield decode(text.read(int.from_bytes(size, "little")))


def first_difference(path: Path) -> str:
    """Feed a file's inputs to traders of this build; where the first differs, or nothing."""
    traders: dict[int, Trader] = {}
    for number, entry in enumerate(_entries(path), 1):
        if isinstance(entry, Built):
            traders[entry.trader] = entry.build()
            continue
        said = traders[entry.trader].receive(*entry.events)
        if said != entry.commands:
            return _in_words(number, entry, said)
    return ""


def _in_words(number: int, turn: Turn, commands: list[Any]) -> str:
    given, expected = ([str(command) for command in each] for each in (commands, turn.commands))
    shared = next(
        (i for i, (a, b) in enumerate(zip(given, expected, strict=False)) if a != b),
        min(len(given), len(expected)),
    )
    events = ", ".join(type(event).__name__ for event in turn.events)
    return (
        f"turn {number} of trader {turn.trader} ({events} at {turn.events[-1].mono_ns}), command "
        f"{shared + 1}: {given[shared : shared + 1] or 'none'}, expected was "
        f"{expected[shared : shared + 1] or 'none'}"
    )
