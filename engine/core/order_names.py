"""Client order ids: the desk's prefix, the epoch of the run, and a number within it.

    mdesk-mf3k2x9q-17

The epoch is a number in base 36, so that the order of two runs is that of two numbers. By these two
numbers the decision core knows an order of ours. An id has one spelling: one that begins alike but
is of another form is somebody else's, and never touched.
"""

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np

_PREFIX = "mdesk-"
_BASE = 36
_DIGITS = 12
_BEYOND: int = _BASE**_DIGITS
_FORM = re.compile(rf"{_PREFIX}([1-9a-z][0-9a-z]{{0,{_DIGITS - 1}}})-([1-9][0-9]{{0,17}})")
"""Both numbers fit in an int64."""


class OrderName(NamedTuple):
    """An order of ours."""

    epoch: int
    """Of its run."""
    number: int
    """Within the run, from 1."""


NOT_OURS = OrderName(0, 0)
"""In the place of an order of ours where there is none."""


def order_name(client_order_id: str) -> OrderName | None:
    """The order that an id names; None for an id that is not the desk's."""
    found = _FORM.fullmatch(client_order_id)
    return OrderName(int(found[1], _BASE), int(found[2])) if found else None


def is_ours(client_order_id: str) -> bool:
    """Is this an order of the desk's, of whatever run?"""
    return order_name(client_order_id) is not None


def client_order_id(name: OrderName) -> str:
    """The id of an order."""
    return f"{_run_prefix(name.epoch)}{name.number}"


def is_epoch(number: int) -> bool:
    """Can a run have this epoch, so that its orders are told for ours?"""
    return 0 < number < _BEYOND


@lru_cache(maxsize=64)
def _run_prefix(epoch: int) -> str:
    return f"{_PREFIX}{np.base_repr(epoch, _BASE).lower()}-"
