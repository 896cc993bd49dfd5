"""Client order ids: the desk's prefix, the epoch of the run, and a number within it.

    mdesk-mf3k2x9q-17

The epoch is a number in base 36, so that the order of two runs is that of two numbers. By these two
numbers the decision core knows an order of ours; an id of another form is not of our making.
"""

import re
from typing import NamedTuple

import numpy as np

OUR_PREFIX = "mdesk-"
"""Every order of ours carries it; orders without it are never touched."""

_BASE = 36
_FORM = re.compile(OUR_PREFIX + r"([1-9a-z][0-9a-z]{0,11})-([1-9][0-9]{0,17})")
"""Both numbers fit in an int64, and each id is the only one of its numbers."""


class OrderName(NamedTuple):
    """An order of ours."""

    epoch: int
    """Of its run."""
    number: int
    """Within the run, from 1."""


def order_name(client_order_id: str) -> OrderName | None:
    """The order that an id names; None for an id that no run of ours gave."""
    found = _FORM.fullmatch(client_order_id)
    return OrderName(int(found[1], _BASE), int(found[2])) if found else None


def client_order_id(name: OrderName) -> str:
    """The id of an order."""
    return f"{run_prefix(name.epoch)}{name.number}"


def run_prefix(epoch: int) -> str:
    """What the ids of one run begin with."""
    return f"{OUR_PREFIX}{np.base_repr(epoch, _BASE).lower()}-"


def is_younger(client_order_id: str, epoch: int) -> bool:
    """Is this an order of the desk's, of a run that began after the one of this epoch?"""
    name = order_name(client_order_id)
    return name is not None and name.epoch > epoch
