"""Stdout writer: what the exchange says of itself, whether or not anybody reads it."""

import os

from exchange.paper.server.stdout_writer import StdoutWriter


def test_lines_come_in_order() -> None:
    reader, writer = os.pipe()
    stdout = StdoutWriter(writer)

    for number in range(3):
        stdout.say(f"line {number}")

    with os.fdopen(reader) as lines:
        assert [next(lines) for _ in range(3)] == ["line 0\n", "line 1\n", "line 2\n"]
    os.close(writer)


def test_a_reader_who_does_not_read_holds_nobody_up_and_is_told_what_he_missed() -> None:
    reader, writer = os.pipe()
    stdout = StdoutWriter(writer, most=10)
    for number in range(2_000):
        stdout.say(f"{number:>999}")

    with os.fdopen(reader) as lines:
        seen = [next(lines)]
        while "again\n" not in seen:
            stdout.say("again")
            seen.append(next(lines))

    assert seen[0].strip() == "0"
    assert any(line.endswith("lines were not read and are lost\n") for line in seen)
    os.close(writer)
