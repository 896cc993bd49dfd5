"""Frame writer: what is written together, and what at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from exchange.paper.pubsub.pubsub import PubSub
from exchange.paper.server import frame_writer as writer
from exchange.paper.server.frame_writer import FrameWriter, Outlet, ping_frame, text_frame


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False
        self.unsent = 0
        self.any = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))
        self.any.set()

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True

    def get_write_buffer_size(self) -> int:
        return self.unsent


class Scene:
    """One frame writer with its pub/sub, and outlets of one market and one user stream."""

    def __init__(self, outlets: int = 1) -> None:
        self.writer = FrameWriter()
        self.pubsub = PubSub()
        self.muted = False
        self.wires = [Wire() for _ in range(outlets)]
        self.outlets = [
            Outlet(self.writer, wire, "", muted=lambda _line: self.muted) for wire in self.wires
        ]
        for outlet in self.outlets:
            self.pubsub.subscribe(outlet.queue, ["a@trade", "listenkey"])

    def trade(self, number: int) -> None:
        self.pubsub.publish("a@trade", {"n": number})


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene(outlets=3)
    async with asyncio.TaskGroup() as tasks:
        rounds = tasks.create_task(made.writer.run())
        yield made
        rounds.cancel()


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_text_frame_is_one_unmasked_message(length: int, header: bytes) -> None:
    """Source: RFC 6455, section 5.2."""
    assert text_frame(b"x" * length) == header + b"x" * length


def test_a_ping_frame_carries_its_payload() -> None:
    assert ping_frame(b"123") == b"\x89\x03123"


async def test_what_waits_for_one_socket_goes_in_one_write(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what was said in turns of its own, as long as the window lasts."""
    monkeypatch.setattr(writer, "COALESCE_S", 0.1)
    for number in (1, 2, 3):
        scene.trade(number)
        await asyncio.sleep(0)
    for wire in scene.wires:
        await wire.any.wait()

    assert [wire.written for wire in scene.wires] == [[b'{"n":1}{"n":2}{"n":3}']] * 3
    assert (scene.writer.tally.writes, scene.writer.tally.frames) == (3, 9)
    assert scene.writer.tally.rounds == 1


async def test_a_user_event_takes_along_what_waits_and_waits_for_nobody(scene: Scene) -> None:
    scene.trade(1)
    scene.pubsub.publish("listenkey", {"e": "ACCOUNT_UPDATE"})

    assert scene.wires[0].written == [b'{"n":1}{"e":"ACCOUNT_UPDATE"}']


async def test_a_busy_market_lets_the_round_pass(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the loop has no turn to give, whoever keeps it busy asks for the round."""
    scene.trade(1)
    monkeypatch.setattr(writer, "COALESCE_S", 1000.0)
    scene.writer.hurry()
    early = list(scene.wires[0].written)
    monkeypatch.setattr(writer, "COALESCE_S", 0.0)
    scene.writer.hurry()

    assert (early, scene.wires[0].written) == ([], [b'{"n":1}'])


async def test_who_knows_that_nothing_will_join_delivers_at_once(scene: Scene) -> None:
    scene.trade(1)
    scene.trade(2)
    scene.writer.deliver()
    scene.writer.deliver()

    assert [wire.written for wire in scene.wires] == [[b'{"n":1}{"n":2}']] * 3
    assert scene.writer.tally.rounds == 1


async def test_a_muted_line_loses_what_it_would_have_said(scene: Scene) -> None:
    scene.muted = True
    scene.outlets[0].say(b"lost")
    scene.muted = False
    scene.outlets[0].say(b"heard")

    assert scene.wires[0].written == [text_frame(b"heard")]


async def test_nothing_is_written_to_a_closing_transport(scene: Scene) -> None:
    scene.wires[0].closing = True

    scene.outlets[0].say(b"lost")

    assert scene.wires[0].written == []


async def test_too_much_unsent_ends_that_line_alone(scene: Scene) -> None:
    scene.wires[0].unsent = writer.MOST_UNSENT_BYTES + 1
    scene.wires[1].unsent = writer.MOST_UNSENT_BYTES

    for outlet in scene.outlets:
        outlet.say(b"x")

    assert [wire.closing for wire in scene.wires] == [True, False, False]
