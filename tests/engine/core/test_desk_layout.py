"""Desk block layout: no number of it lies in two places, and no table in another."""

from collections.abc import Iterator

import numpy as np

from engine.core import desk_layout as layout
from exchange.jit import IntArray, in_python

SINGLE_NUMBERS = layout.PAUSED_UNTIL_NS + 1
"""It is the last of them."""
SINGLE_REALS = layout.MODEL_VALIDITY + 1


def tables(desk: IntArray) -> Iterator[IntArray]:
    """Every row and column that an accessor opens."""
    for side in (1, -1):
        yield in_python(layout.side_breaker)(desk, side)
        yield in_python(layout.side_status)(desk, side)
        yield in_python(layout.wanted_ticks)(desk, side)
        yield in_python(layout.sweep_row)(desk, side)
    for link in (layout.PRIVATE, layout.PUBLIC, layout.MARKET):
        yield in_python(layout.link_row)(desk, link)
    yield in_python(layout.own_lots)(desk)
    for column in range(4):
        yield in_python(layout.scratch)(desk, column)
    for which in (layout.TOLD, layout.AGREED, layout.DISPUTED):
        yield in_python(layout.evidence_row)(desk, which)
    for column in range(layout.ORDER_ENDED_EXCH_NS + 1):
        yield in_python(layout.order_column)(desk, column)
    for accessor in (
        layout.ended_epochs,
        layout.ended_numbers,
        layout.trade_keys,
        layout.trade_values,
        layout.history_ids,
        layout.round_trips,
        layout.own_fills,
    ):
        yield in_python(accessor)(desk)
    for row, count in (
        (layout.execution_row, layout.EXECUTION_SLOTS),
        (layout.adoption_row, layout.ADOPTIONS_KEPT),
        (layout.move_row, layout.MOVES_KEPT),
        (layout.owed_row, layout.OWED_KEPT),
        (layout.command_row, layout.COMMANDS_KEPT),
        (layout.seen_row, layout.SEEN_KEPT),
        (layout.request_row, layout.REQUESTS_KEPT),
        (layout.early_row, layout.EARLY_KEPT),
        (layout.note_row, layout.NOTES_KEPT),
        (layout.error_row, layout.ERROR_CODES),
        (layout.fair_touch_row, layout.FAIR_TOUCHES_KEPT),
    ):
        for number in range(count):
            yield in_python(row)(desk, number)


def test_every_number_has_a_place_of_its_own() -> None:
    """A kernel that writes one table would change another, and nothing would say so."""
    desk = np.zeros(layout.DESK_SIZE, dtype=np.int64)
    marked = np.zeros(layout.DESK_SIZE, dtype=np.int64)
    marked[:SINGLE_NUMBERS] = 1
    for table in tables(desk):
        assert table.size > 0
        at = (table.ctypes.data - desk.ctypes.data) // desk.itemsize
        marked[at : at + table.size] += 1

    assert marked.max() == 1
    assert marked[-1] == 1


def test_every_real_number_has_a_place_of_its_own() -> None:
    """As of the whole numbers."""
    reals = np.zeros(layout.REALS_SIZE)
    marked = np.zeros(layout.REALS_SIZE, dtype=np.int64)
    marked[:SINGLE_REALS] = 1
    for table in (
        in_python(layout.microprice_edges)(reals),
        in_python(layout.microprice_table)(reals),
        in_python(layout.model_table)(reals, layout.MOST_FILLS),
        in_python(layout.ewma)(reals),
        in_python(layout.own_exposure_s)(reals),
        in_python(layout.level_ring)(reals, layout.MOST_LEVELS),
        in_python(layout.mid_ring)(reals, layout.MOST_MIDS),
        *(in_python(layout.fit_row)(reals, which) for which in range(layout.GOOD_FIT + 1)),
        *(in_python(layout.weighted_arrivals)(reals, side) for side in (1, -1, 0)),
    ):
        assert table.size > 0
        at = (table.ctypes.data - reals.ctypes.data) // reals.itemsize
        marked[at : at + table.size] += 1

    assert marked.max() == 1
    assert marked[-1] == 1
