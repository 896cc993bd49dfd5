"""Hash map of integers in two arrays: open addressing, and no marker left where a key was.

A map is ``keys`` and ``values``, int64[size] each, with ``FREE`` in every key that is none. The
size is a power of two, named by the caller: where a search is copied to, it is a constant.
"""

from exchange.jit import IntArray, inlined, piece

FREE = -(2**63)


@inlined
def home_of(key: int, size: int) -> int:
    """Where a key would like to live; products stay below 2**63."""
    mixed = ((key & 0x7FFFFFFF) * 2654435769) & 0xFFFFFFFF
    return (mixed * size) >> 32


@inlined
def find_key(keys: IntArray, size: int, key: int) -> int:
    """Slot of a key, or of the free slot where it belongs."""
    i = home_of(key, size)
    while keys[i] != key and keys[i] != FREE:
        i = i + 1 if i + 1 < size else 0
    return i


@piece
def remove_slot(keys: IntArray, values: IntArray, size: int, slot: int) -> None:
    """Free a slot and pull later keys of its cluster back, so that no marker is left behind."""
    hole = slot
    i = slot
    while True:
        i = i + 1 if i + 1 < size else 0
        if keys[i] == FREE:
            break
        home = home_of(keys[i], size)
        # A key may fill the hole only if the hole is on its way from home to here.
        if (i - home) % size >= (i - hole) % size:
            keys[hole] = keys[i]
            values[hole] = values[i]
            hole = i
    keys[hole] = FREE
