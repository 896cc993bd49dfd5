"""Text line helpers: pieces with ink, fitting a width, spreading to both edges."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

_RICH = Console()  # only for rich's own word wrapping, which asks it for a tab size

Piece = str | tuple[str, str]
"""A text, or a text and the name of its ink."""


def line(*pieces: Piece) -> Text:
    """One line of pieces."""
    text = Text(no_wrap=True, end="")
    for piece in pieces:
        if isinstance(piece, str):
            text.append(piece)
        else:
            text.append(*piece)
    return text


def fit(text: Text, width: int, cut: str = "…") -> Text:
    """The line, cut to so many cells and marked where it was cut; never inside a figure.

    Half a number is another number, and so is one without its unit: a figure at the cut goes
    whole.
    """
    if text.cell_len <= width:
        return text
    short = text.copy()
    short.truncate(max(0, width - len(cut)))
    start = short.plain.rfind(" ") + 1
    word = text.plain[start:].split(" ", 1)[0]
    if _has_figure(word):
        short.right_crop(len(short.plain) - start)
    elif not short.plain[start:]:
        before = short.plain.rstrip()
        last = before.rfind(" ") + 1
        if _has_figure(before[last:]):
            short.right_crop(len(short.plain) - last)
    short.append(cut)
    return short


def _has_figure(word: str) -> bool:
    return any(map(str.isdigit, word))


def pad(text: Text, width: int) -> Text:
    """The line filled with blanks up to a width."""
    return text.copy().append(" " * max(0, width - text.cell_len))


def spread(left: Text, right: Text, width: int, cut: str = "…") -> Text:
    """One text at each edge; the left one gives way."""
    room = width - right.cell_len
    if room < 2:
        return fit(left, width, cut)
    return pad(fit(left, room - 1, cut), room).append_text(right)


def widest(wordings: Iterable[Text], width: int, cut: str = "…") -> Text:
    """The first wording that fits, of several from the fullest to the barest; the last is cut."""
    text = Text()
    for text in wordings:
        if text.cell_len <= width:
            return text
    return fit(text, width, cut)


def joined(chips: Iterable[Text], width: int, gap: str = "  ") -> Text:
    """As many chips, first to last, as a width holds; the rest is left out."""
    text = Text(no_wrap=True, end="")
    for chip in chips:
        needed = chip.cell_len + (len(gap) if text else 0)
        if text.cell_len + needed > width:
            continue
        if text:
            text.append(gap)
        text.append_text(chip)
    return text


def flowed(chips: Iterable[Text], width: int, gap: str = "  ") -> list[Text]:
    """Every chip, on as many lines as that takes."""
    lines: list[Text] = []
    for chip in chips:
        if lines and lines[-1].cell_len + len(gap) + chip.cell_len <= width:
            lines[-1].append(gap).append_text(chip)
        else:
            lines.append(chip.copy())
    return lines


def beside(left: list[Text], right: list[Text], left_width: int, gap: str = "  ") -> list[Text]:
    """Two columns as one."""
    blank = Text()
    rows = max(len(left), len(right))
    left = left + [blank] * (rows - len(left))
    right = right + [blank] * (rows - len(right))
    return [
        pad(fit(a, left_width), left_width).append(gap).append_text(b)
        for a, b in zip(left, right, strict=True)
    ]


def wrapped(text: Text, width: int) -> list[Text]:
    """The text broken between words into lines of at most so many cells; at least one."""
    if text.cell_len <= width:
        return [text]
    return list(text.wrap(_RICH, width, overflow="fold", no_wrap=False))
