"""Hash map of integers: a dictionary, also where keys collide and are taken out of their midst."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.int_map import FREE, find_key, remove_slot
from exchange.jit import IntArray, njit

SIZE = 16
HOMES = 2**31
"""Keys that far apart have one home."""
_keys = st.builds(lambda home, turn: home + turn * HOMES, st.integers(0, 3), st.integers(0, 3))


@njit
def put(keys: IntArray, values: IntArray, key: int, value: int) -> None:
    slot = find_key(keys, SIZE, key)
    keys[slot], values[slot] = key, value


@njit
def take_out(keys: IntArray, values: IntArray, key: int) -> None:
    slot = find_key(keys, SIZE, key)
    if keys[slot] != FREE:
        remove_slot(keys, values, SIZE, slot)


@njit
def value_of(keys: IntArray, values: IntArray, key: int) -> int:
    slot = find_key(keys, SIZE, key)
    return int(values[slot]) if keys[slot] != FREE else -1


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.booleans(), _keys, st.integers(0, 99)), max_size=60))
def test_it_holds_what_a_dictionary_would(changes: list[tuple[bool, int, int]]) -> None:
    keys, values = np.full(SIZE, FREE, dtype=np.int64), np.zeros(SIZE, dtype=np.int64)
    twin: dict[int, int] = {}
    for puts, key, value in changes:
        if puts and (key in twin or len(twin) < SIZE - 2):
            put(keys, values, key, value)
            twin[key] = value
        elif not puts:
            take_out(keys, values, key)
            twin.pop(key, None)

        for each in (home + turn * HOMES for home in range(4) for turn in range(4)):
            assert value_of(keys, values, each) == twin.get(each, -1)
