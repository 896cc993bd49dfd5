"""Text to terminal cells, and which cells changed between two drawings."""

from collections.abc import Callable, Iterator
from itertools import pairwise, zip_longest

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

_JOIN_CELLS = 5
"""Changed runs nearer than this travel as one: a move of the cursor costs about as much."""

InkOf = Callable[[tuple[str, ...]], Style]
"""The style of some inks laid over each other, the first at the bottom."""


def strip_of(text: Text, width: int, base: Style, ink_of: InkOf) -> Strip:
    """One line of exactly ``width`` cells, its span names replaced by styles."""
    strip = Strip(list(_segments(text, ink_of)))
    return strip.adjust_cell_length(width).apply_style(base)


def _segments(text: Text, ink_of: InkOf) -> Iterator[Segment]:
    plain = text.plain
    spans = text.spans
    edges = {0, len(plain)}
    for span in spans:
        edges.update((span.start, min(span.end, len(plain))))
    for start, end in pairwise(sorted(edges)):
        names = tuple(str(s.style) for s in spans if s.start <= start and s.end >= end and s.style)
        yield Segment(plain[start:end], ink_of(names))


def changed_runs(old: Strip, new: Strip) -> list[tuple[int, int]]:
    """Cell ranges ``[start, end)`` of ``new`` that differ from ``old``; near ones joined."""
    runs: list[tuple[int, int]] = []
    for x, (was, now) in enumerate(zip_longest(_cells(old), _cells(new))):
        if was == now:
            continue
        if runs and x - runs[-1][1] < _JOIN_CELLS:
            runs[-1] = (runs[-1][0], x + 1)
        else:
            runs.append((x, x + 1))
    return runs


def _cells(strip: Strip) -> Iterator[tuple[str, Style | None]]:
    for segment in strip:
        for character in segment.text:
            yield character, segment.style
            # The right half of a wide character changes with its left half.
            for _ in range(cell_len(character) - 1):
                yield f"{character}+", segment.style
