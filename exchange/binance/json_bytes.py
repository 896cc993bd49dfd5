"""JSON by address: the numbers, texts and price levels of a message, compiled.

Every loop ends at a sentinel: behind the bytes to read there is ``PADDING``. So no position is
ever compared with an end. What is not written the plain way gives -1 for where it ends; an
escape, a sign or an exponent is never judged here.
"""

from exchange.jit import IntArray, byte_at, inlined, piece, word_at

QUOTE, COMMA, COLON, OPEN, CLOSE, LIST, LIST_END = (ord(char) for char in '",:{}[]')
POINT, MINUS, AT_SIGN, ZERO, NINE = (ord(char) for char in ".-@09")
_SPACE, _TAB, NEWLINE, _RETURN, _BACKSLASH, _BEYOND_ASCII = 32, 9, 10, 13, 92, 128
_VERTICAL_TAB, _FORM_FEED = 11, 12

_MOST_DIGITS = 18  # any number of so many digits fits an int64
OFF_GRID = -1
"""Steps of a decimal that is no whole number of them."""

PADDING = b"\n" + bytes(15)
"""Behind a message: where every loop ends, and what a word that begins in it may read."""
PADDING_SIZE = 16
LEVEL_BYTES = 10
"""No level is written shorter: ``["1","0"],``."""


def word_of(text: str) -> tuple[int, int, int, int]:
    """A text as what its first and its last eight bytes must be; see ``is_word``."""
    body = text.encode("ascii")
    size = min(len(body), 8)
    mask = (1 << 8 * size) - 1 if size < 8 else -1
    head, tail = (int.from_bytes(part, "little") for part in (body[:size], body[-size:]))
    return head, tail, len(body) - size, mask


@inlined
def skip_space(at: int) -> int:
    while byte_at(at) == _SPACE or byte_at(at) == _TAB or byte_at(at) == _RETURN:
        at += 1
    return at


@inlined
def skip_blank(at: int) -> int:
    """Past what may stand before a line of a recording, as ``bytes.strip`` has it."""
    if byte_at(at) == 0xEF and byte_at(at + 1) == 0xBB and byte_at(at + 2) == 0xBF:
        at += 3  # a byte order mark
    at = skip_space(at)
    while byte_at(at) == _VERTICAL_TAB or byte_at(at) == _FORM_FEED:
        at = skip_space(at + 1)
    return at


@piece
def is_word(at: int, word: tuple[int, int, int, int]) -> bool:
    """Does this word begin here?"""
    head, tail, tail_at, mask = word
    return word_at(at) & mask == head and word_at(at + tail_at) & mask == tail


@piece
def is_text(at: int, text_at: int, size: int) -> bool:
    """Is the text that begins here, behind its quotation mark, that one?"""
    for i in range(size):
        if byte_at(at + i) != byte_at(text_at + i):
            return False
    return byte_at(at + size) == QUOTE


@inlined
def end_of_text(at: int) -> int:
    """Where the closing quotation mark stands; -1 for a text that needs a closer look."""
    char = byte_at(at)
    while char != QUOTE:
        if char < _SPACE or char >= _BEYOND_ASCII or char == _BACKSLASH:
            return -1
        at += 1
        char = byte_at(at)
    return at


@inlined
def whole_number(at: int) -> tuple[int, int]:
    """A whole number not below zero, and where it ends, -1 if it is not written like one."""
    begin = at
    number = 0
    while ZERO <= byte_at(at) <= NINE:
        number = number * 10 + (byte_at(at) - ZERO)
        at += 1
    digits = at - begin
    if digits == 0 or digits > _MOST_DIGITS + 1 or (digits > 1 and byte_at(begin) == ZERO):
        return 0, -1
    # Of the numbers with one digit more, those that do not fit wrap to below zero.
    return number, at if number >= 0 else -1


@inlined
def decimal(at: int, decimals: int, step_units: int) -> tuple[int, int]:
    """A decimal text, from behind its quotation mark to the closing one, in steps of its grid.

    Args:
        decimals: Digits after the point on the grid.
        step_units: The step in units of the last of those digits.

    Returns:
        ``(steps, end)``: not below zero, or ``OFF_GRID``; and the place of the closing
        mark, or -1 where the text is no plain decimal.
    """
    begin = at
    units = 0
    while ZERO <= byte_at(at) <= NINE:
        units = units * 10 + (byte_at(at) - ZERO)
        at += 1
    digits = at - begin
    if digits == 0 or digits + decimals > _MOST_DIGITS:
        return 0, -1
    missing = decimals
    on_grid = True
    if byte_at(at) == POINT:
        at += 1
        begin = at
        while ZERO <= byte_at(at) <= NINE:
            if missing > 0:
                units = units * 10 + (byte_at(at) - ZERO)
                missing -= 1
            elif byte_at(at) != ZERO:
                on_grid = False
            at += 1
        if at == begin:
            return 0, -1
    if byte_at(at) != QUOTE:
        return 0, -1
    for _ in range(missing):
        units *= 10
    if step_units != 1:
        on_grid = on_grid and units % step_units == 0
        units //= step_units
    return units if on_grid else OFF_GRID, at


@inlined
def price_levels(
    at: int,
    price_decimals: int,
    tick_units: int,
    qty_decimals: int,
    lot_units: int,
    ticks: IntArray,
    lots: IntArray,
    level: int,
) -> tuple[int, int]:
    """A list of ``["price","size"]`` pairs, from behind its bracket to behind the closing one.

    Levels that cannot be (off the grid, a price of nothing) are written as ``OFF_GRID`` ticks.

    Returns:
        ``(end, level)``: -1 where the list is written otherwise, and the next free level.
    """
    at = skip_space(at)
    if byte_at(at) == LIST_END:
        return at + 1, level
    while True:
        if byte_at(at) != LIST:
            return -1, level
        at = skip_space(at + 1)
        if byte_at(at) != QUOTE:
            return -1, level
        price_ticks, at = decimal(at + 1, price_decimals, tick_units)
        if at < 0:
            return -1, level
        at = skip_space(at + 1)
        if byte_at(at) != COMMA:
            return -1, level
        at = skip_space(at + 1)
        if byte_at(at) != QUOTE:
            return -1, level
        qty_lots, at = decimal(at + 1, qty_decimals, lot_units)
        if at < 0:
            return -1, level
        ticks[level] = price_ticks if price_ticks > 0 and qty_lots >= 0 else OFF_GRID
        lots[level] = qty_lots
        level += 1
        at = skip_space(at + 1)
        if byte_at(at) != LIST_END:
            return -1, level
        at = skip_space(at + 1)
        if byte_at(at) == LIST_END:
            return at + 1, level
        if byte_at(at) != COMMA:
            return -1, level
        at = skip_space(at + 1)
