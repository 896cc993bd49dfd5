"""Depth synchroniser: joins one snapshot to a stream of diffs, by the venue's own rule.

Two states: waiting for a snapshot, with diffs held back; and a snapshot in place, which is
trusted once a diff has met it. Futures ids are sparse, so a diff follows another when its
``PREV_ID`` names it; no arithmetic on ids would show it. A ticker runs ahead of the diffs, and
none of them ever undoes it.

A recording cannot be asked for a snapshot. There, and nowhere else, a book grows from the diffs
until one comes. A collector writes one snapshot when it starts, so every day file but the first
begins in the middle of a sequence. Each diff gives the size of some levels exactly; all others
are unknown. The levels near the touch change all the time, so that soon everything that
matters is known; how soon was measured on recordings whose snapshot was taken away. With a
ticker the touch was right within a second at BTCUSDT, and within 20 s in a market of one change
a second, whose first ticker comes late; from diffs alone that market took up to 70 s.

The pieces here change the region and answer, as bits, what is left to do to the book. The
caller does it in this order: ``LOAD`` the row's levels as the whole book, or take the one that
``GREW``, ``APPLY`` the row's levels, write the ``TICKER``, and the same for each ``HELD`` diff.
"""

from exchange.book import apply_side, clear_book, follow_touch, force_touch
from exchange.event_columns import (
    ASK_AT,
    ASK_LOTS,
    ASK_TICKS,
    ASKS,
    BID_AT,
    BID_LOTS,
    BID_TICKS,
    BIDS,
    EXCH_NS,
    FIRST_ID,
    LAST_ID,
    PREV_ID,
)
from exchange.jit import IntArray, inlined, piece
from exchange.market_layout import (
    BEST_ASK,
    BEST_BID,
    GREW_FOR_NS,
    GREW_FROM_NS,
    GROWING,
    GROWN,
    HELD_COUNT,
    HELD_FIRST,
    HELD_LEVELS,
    HELD_LIMIT,
    HELD_NEXT_LEVEL,
    JOINED,
    NO_ASK,
    NO_BID,
    NO_ID,
    NO_TIME_NS,
    RECORDED,
    STANDING_NS,
    SYNCED_ID,
    TICKER_ASK,
    TICKER_ASK_LOTS,
    TICKER_BID,
    TICKER_BID_LOTS,
    TICKER_ID,
    TICKER_TOLD,
    copy_book,
    copy_row,
    growing_book,
    held_lots,
    held_row,
    held_ticks,
)

STANDS_NS = 10_000_000_000
"""How long both sides of a growing book must have stood uncrossed once a ticker came."""
STANDS_UNTOLD_NS = 120_000_000_000
"""The same where no ticker has come."""

LOAD = 1
"""The row is a snapshot that replaces the book."""
APPLY = 2
"""The row's levels continue the book."""
HELD = 4
"""The diffs that waited are to be received now, one by one; ``take_held`` gives each."""
TICKER = 8
"""The newest ticker is ahead of the book."""
NEEDED = 16
"""Ask the venue for a snapshot; when, and how often, is the caller's affair."""
GAP = 32
"""A diff is missing: the book is wrong from here on."""
GREW = 64
"""The book that grew beside this one is trusted: it replaces it."""


@inlined
def trusted(market: IntArray) -> bool:
    """Is the book what the venue has, as far as the stream has come?"""
    return bool(market[JOINED] == 1)


@piece
def receive_diff(market: IntArray, row: IntArray, ticks: IntArray, lots: IntArray) -> int:
    """A diff has come; what is to be done."""
    if market[SYNCED_ID] == NO_ID:
        return _hold(market, row, ticks, lots)
    if market[JOINED] == 1:
        if row[PREV_ID] != market[SYNCED_ID]:
            return _start_over(market, row, ticks, lots)
    elif row[LAST_ID] < market[SYNCED_ID]:
        return 0  # already inside the snapshot
    elif not _meets(row, market[SYNCED_ID]):
        return _start_over(market, row, ticks, lots)
    market[SYNCED_ID], market[JOINED] = row[LAST_ID], 1
    if market[GROWN] == 1:
        _keep(market, row, ticks, lots)  # for a snapshot from before it that may still come
    return APPLY | (TICKER if market[TICKER_ID] > row[LAST_ID] else 0)


@piece
def receive_snapshot(market: IntArray, row: IntArray) -> int:
    """A snapshot has come; what is to be done."""
    synced = market[SYNCED_ID]
    if synced != NO_ID and row[LAST_ID] <= synced and market[GROWN] == 0:
        return 0  # an answer that came too late to be of use
    while market[HELD_COUNT] > 0 and held_row(market, 0)[LAST_ID] < row[LAST_ID]:
        _drop_oldest(market)
    if market[HELD_COUNT] > 0 and not _meets(held_row(market, 0), row[LAST_ID]):
        return NEEDED  # older than the first diff that was kept
    market[SYNCED_ID], market[JOINED] = row[LAST_ID], 0
    market[GROWING] = market[GROWN] = 0
    return LOAD | HELD


@piece
def receive_ticker(market: IntArray, row: IntArray) -> int:
    """A ticker has come; what is to be done. One that comes behind the diffs adds nothing."""
    if row[LAST_ID] <= market[TICKER_ID]:
        return 0
    market[TICKER_ID] = row[LAST_ID]
    market[TICKER_BID], market[TICKER_BID_LOTS] = row[BID_TICKS], row[BID_LOTS]
    market[TICKER_ASK], market[TICKER_ASK_LOTS] = row[ASK_TICKS], row[ASK_LOTS]
    if market[GROWING] == 1:
        _grow_to_ticker(market, held_row(market, market[HELD_COUNT] - 1)[LAST_ID])
    if market[JOINED] == 0 or row[LAST_ID] <= market[SYNCED_ID]:
        return 0
    return TICKER


@piece
def lose(market: IntArray) -> None:
    """The connection dropped: what comes next does not continue what came before.

    The first diff of the new connection asks for the snapshot.
    """
    market[TICKER_ID] = NO_ID
    _forget(market)


@piece
def write_ticker(market: IntArray) -> None:
    """Make the book agree with the newest ticker."""
    _set_touch(market, market)


@inlined
def _set_touch(market: IntArray, book: IntArray) -> None:
    force_touch(
        book,
        market[TICKER_BID],
        market[TICKER_BID_LOTS],
        market[TICKER_ASK],
        market[TICKER_ASK_LOTS],
    )


@piece
def apply_levels(book: IntArray, row: IntArray, ticks: IntArray, lots: IntArray) -> None:
    """Write a row's levels into the book."""
    apply_side(book, 1, ticks, lots, row[BID_AT], row[BIDS])
    apply_side(book, -1, ticks, lots, row[ASK_AT], row[ASKS])
    follow_touch(book)


@piece
def load_levels(book: IntArray, row: IntArray, ticks: IntArray, lots: IntArray) -> None:
    """Replace the book by a row's levels."""
    clear_book(book, False)
    apply_levels(book, row, ticks, lots)


# ---------------------------------------------------------------- diffs that wait


@piece
def take_held(market: IntArray, row: IntArray) -> bool:
    """Copy the oldest diff that waits into a row; False when none does.

    Its levels stay where they are, in ``held_ticks`` and ``held_lots``, until another is kept.
    """
    if market[HELD_COUNT] == 0:
        return False
    copy_row(held_row(market, 0), row)
    _drop_oldest(market)
    return True


@piece
def _hold(market: IntArray, row: IntArray, ticks: IntArray, lots: IntArray) -> int:
    first = market[HELD_COUNT] == 0
    if not first and row[PREV_ID] != held_row(market, market[HELD_COUNT] - 1)[LAST_ID]:
        # Nothing can be joined across a gap, so what came before it is of no use.
        _forget(market)
    _keep(market, row, ticks, lots)
    fetch = NEEDED if first else 0
    return fetch | _grow(market, row, ticks, lots) if market[RECORDED] == 1 else fetch


@piece
def _keep(market: IntArray, row: IntArray, ticks: IntArray, lots: IntArray) -> None:
    """Put a diff into the ring; the oldest go where there is no room."""
    levels = row[BIDS] + row[ASKS]
    if levels > HELD_LEVELS:
        market[HELD_COUNT] = market[GROWING] = 0  # without it the rest can be joined to nothing
        return
    if market[HELD_COUNT] == HELD_LIMIT:
        _drop_oldest(market)
    at = _room_for(market, max(levels, 1))
    kept = held_row(market, market[HELD_COUNT])
    copy_row(row, kept)
    kept[BID_AT], kept[ASK_AT] = at, at + row[BIDS]
    into_ticks, into_lots = held_ticks(market), held_lots(market)
    for i in range(row[BIDS]):
        into_ticks[at + i], into_lots[at + i] = ticks[row[BID_AT] + i], lots[row[BID_AT] + i]
    at += row[BIDS]
    for i in range(row[ASKS]):
        into_ticks[at + i], into_lots[at + i] = ticks[row[ASK_AT] + i], lots[row[ASK_AT] + i]
    market[HELD_NEXT_LEVEL] = kept[BID_AT] + max(levels, 1)
    market[HELD_COUNT] += 1


@piece
def _room_for(market: IntArray, levels: int) -> int:
    """Where so many levels fit in one stretch."""
    at = market[HELD_NEXT_LEVEL]
    while market[HELD_COUNT] > 0:
        oldest = held_row(market, 0)[BID_AT]
        if oldest >= at:
            if oldest - at >= levels:
                return int(at)
            _drop_oldest(market)
        elif HELD_LEVELS - at >= levels:
            return int(at)
        else:
            at = 0
    return 0


@piece
def _drop_oldest(market: IntArray) -> None:
    market[HELD_FIRST] = (market[HELD_FIRST] + 1) % HELD_LIMIT
    market[HELD_COUNT] -= 1


@piece
def _start_over(market: IntArray, row: IntArray, ticks: IntArray, lots: IntArray) -> int:
    gap = GAP if market[JOINED] == 1 else 0
    _forget(market)
    return gap | _hold(market, row, ticks, lots)


@piece
def _forget(market: IntArray) -> None:
    """Back to waiting for a snapshot; what the ticker said stays true."""
    market[HELD_COUNT] = 0
    market[SYNCED_ID], market[JOINED] = NO_ID, 0
    market[GROWING] = market[GROWN] = 0


@inlined
def _meets(row: IntArray, snapshot_id: int) -> bool:
    """May this be the first diff on a snapshot? It need only straddle it.

    A diff that names the snapshot itself as its predecessor starts right behind it.
    """
    return bool(row[FIRST_ID] <= snapshot_id <= row[LAST_ID] or row[PREV_ID] == snapshot_id)


# ---------------------------------------------------------------- a book without a snapshot


@piece
def _grow(market: IntArray, row: IntArray, ticks: IntArray, lots: IntArray) -> int:
    """Write a diff over what was known before; ``GREW`` once the book is to be trusted."""
    book = growing_book(market)
    if market[GROWING] == 0:
        market[GROWING], market[GREW_FROM_NS] = 1, row[EXCH_NS]
        market[STANDING_NS], market[TICKER_TOLD] = NO_TIME_NS, 0
        clear_book(book, True)
    apply_levels(book, row, ticks, lots)
    _grow_to_ticker(market, row[LAST_ID])
    bid, ask = book[BEST_BID], book[BEST_ASK]
    if bid == NO_BID or ask == NO_ASK or bid >= ask:
        market[STANDING_NS] = NO_TIME_NS
        return 0
    if market[STANDING_NS] == NO_TIME_NS:
        market[STANDING_NS] = row[EXCH_NS]
    enough_ns = STANDS_NS if market[TICKER_TOLD] == 1 else STANDS_UNTOLD_NS
    if row[EXCH_NS] - market[STANDING_NS] < enough_ns:
        return 0
    market[SYNCED_ID], market[JOINED] = row[LAST_ID], 1
    market[GROWING], market[GROWN] = 0, 1
    market[GREW_FOR_NS] = row[EXCH_NS] - market[GREW_FROM_NS]
    return GREW


@piece
def _grow_to_ticker(market: IntArray, last_id: int) -> None:
    """Nothing stands better than the newest ticker, where it is newer than the diffs."""
    if market[TICKER_ID] <= last_id:
        return
    _set_touch(market, growing_book(market))
    if market[TICKER_BID_LOTS] > 0 and market[TICKER_ASK_LOTS] > 0:
        market[TICKER_TOLD] = 1


@piece
def take_grown(market: IntArray) -> None:
    """The grown book replaces the one that was lost."""
    copy_book(growing_book(market), market)


def growth_in_words(grown_ns: list[int]) -> str:
    """What a reader of results must know of books that grew, one or more, for so long each."""
    times = f" {len(grown_ns)} times" if len(grown_ns) > 1 else ""
    after_s = sorted({f"{span_ns / 1e9:.1f}" for span_ns in grown_ns}, key=float)
    after = " to ".join(dict.fromkeys((after_s[0], after_s[-1])))
    return (
        f"no snapshot: book grown from diffs{times}, trusted after {after} s; "
        "depth not seen yet is unknown"
    )
