"""``engine stop`` from outside: what it says when the engine does not get to say it."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.commands.status_stop import _stop_engine
from engine.console.protocol import VERSION, Answer, CommandMessage, Goodbye, Role, Welcome
from engine.console.server import ConsoleServer
from engine.errors import NoEngine, NotVerified
from engine.process.paths import Places

Act = Callable[[ConsoleServer, Callable[[Answer], None]], None]
DONE = Answer(1, accepted=True, text="stop: done")


async def stop_an_engine_that(act: Act, folder: Path) -> Goodbye:
    """What ``engine stop`` gets from an engine that does this when it is asked."""
    places = Places(folder)

    def on_command(_message: CommandMessage, answer: Callable[[Answer], None]) -> None:
        act(server, answer)

    welcome = Welcome(VERSION, Role.WATCHER, os.getpid(), "test.toml", "BTCUSDT")
    server = ConsoleServer(places.socket, welcome, on_command, lambda _error: None, lambda _n: [])
    await server.open()
    try:
        return await _stop_engine(places, flatten=False)
    finally:
        await server.close(Goodbye(verified=True, text="end"))


def die(server: ConsoleServer, _answer: Callable[[Answer], None]) -> None:
    for console in server._consoles:
        console.drop()


def answer_and_die(server: ConsoleServer, answer: Callable[[Answer], None]) -> None:
    answer(DONE)
    die(server, answer)


@pytest.mark.parametrize("act", [die, answer_and_die])
async def test_an_engine_that_dies_of_the_stop_is_not_verified(act: Act, tmp_path: Path) -> None:
    """It ended in a group of exceptions and exit 1, where 4 is due."""
    with pytest.raises(NotVerified, match="without a word"):
        await stop_an_engine_that(act, tmp_path)


async def test_the_last_word_counts_also_without_an_answer(tmp_path: Path) -> None:
    ending: list[asyncio.Task[None]] = []

    def say_goodbye(server: ConsoleServer, _answer: Callable[[Answer], None]) -> None:
        ending.append(asyncio.create_task(server.close(Goodbye(verified=False, text="hm"))))

    goodbye = await stop_an_engine_that(say_goodbye, tmp_path)

    assert goodbye == Goodbye(verified=False, text="hm")
    await ending[0]


async def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(NoEngine, match="no engine listens"):
        await _stop_engine(Places(tmp_path), flatten=False)
