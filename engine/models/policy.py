"""Quoting policy as a table: the bid and ask depth for every inventory.

One flat array of 2(2Q+1) depths, bid and ask in turn, for inventories -Q..Q counted in
fills; nan where nothing is quoted: no bid at +Q, no ask at -Q. Closed form, spectral table,
finite horizon and a symmetric market maker are all such tables, so that one reader, one
exact valuation and one simulator serve them all.
"""

from dataclasses import dataclass

import numpy as np

from exchange.jit import FloatArray, njit


@njit
def bound_of(table: FloatArray) -> int:
    """The inventory limit Q that a table was made for."""
    return table.size // 4


@njit
def write_symmetric(depth: float, out: FloatArray) -> None:
    """The same depth on both sides at every inventory.

    Args:
        depth: Ticks from the mid.
        out: float64[2(2Q+1)], overwritten.
    """
    out[:] = depth
    out[1] = np.nan
    out[-2] = np.nan


@njit
def offsets_at(table: FloatArray, i: int) -> tuple[float, float]:
    """Half spread and inventory skew of one row; at a bound the half spread is the next row's.

    Args:
        table: float64[2(2Q+1)], Q at least 1.
        i: Inventory plus Q.

    Returns:
        ``(half_spread, inventory_skew)``, ticks: bid depth is their sum, ask depth the difference.
    """
    bid = table[2 * i]
    ask = table[2 * i + 1]
    if np.isnan(bid):
        half_spread = 0.5 * (table[2 * i - 2] + table[2 * i - 1])
        return half_spread, half_spread - ask
    if np.isnan(ask):
        half_spread = 0.5 * (table[2 * i + 2] + table[2 * i + 3])
        return half_spread, bid - half_spread
    return 0.5 * (bid + ask), 0.5 * (bid - ask)


@njit
def table_offsets(table: FloatArray, lots: float) -> tuple[float, float]:
    """Half spread and inventory skew at any inventory, straight between whole fills.

    Args:
        table: float64[2(2Q+1)], Q at least 1.
        lots: Inventory in fills; beyond the bound it is taken to stand at it.

    Returns:
        ``(half_spread, inventory_skew)`` in ticks: quote fair - inventory_skew -+ half_spread.
    """
    bound = bound_of(table)
    place = min(max(lots, -bound), bound) + bound
    i = min(int(place), 2 * bound - 1)
    half_below, skew_below = offsets_at(table, i)
    half_above, skew_above = offsets_at(table, i + 1)
    share = place - i
    half_spread = half_below + share * (half_above - half_below)
    return half_spread, skew_below + share * (skew_above - skew_below)


@njit
def table_depths(table: FloatArray, lots: float) -> tuple[float, float]:
    """Bid and ask depth at any inventory.

    Args:
        table: float64[2(2Q+1)], Q at least 1.
        lots: Inventory in fills.

    Returns:
        ``(bid_depth, ask_depth)`` in ticks; nan where one more fill would break the bound.
    """
    half_spread, inventory_skew = table_offsets(table, lots)
    most = bound_of(table) - 1
    bid = half_spread + inventory_skew if lots <= most else np.nan
    ask = half_spread - inventory_skew if lots >= -most else np.nan
    return bid, ask


def empty_table(bound: int) -> FloatArray:
    """Room for one policy; the array that the kernels write into.

    Raises:
        ValueError: When the bound is not at least 1.
    """
    if bound < 1:
        raise ValueError(f"bound is {bound}; a market maker needs room for at least one fill")
    return np.full(2 * (2 * bound + 1), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Depths for every inventory, read by name."""

    table: FloatArray

    @classmethod
    def symmetric(cls, depth_ticks: float, bound: int) -> "Policy":
        """A market maker who ignores the inventory until it meets the bound."""
        table = empty_table(bound)
        write_symmetric(depth_ticks, table)
        return cls(table)

    @property
    def bound(self) -> int:
        """Largest inventory either way, in fills."""
        return bound_of(self.table)

    def depths(self, lots: float) -> tuple[float, float]:
        """Bid and ask depth in ticks; nan where one more fill would break the bound."""
        return table_depths(self.table, lots)
