"""JIT compilation: types from annotations, and a cache that notices every change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import types as nb

from exchange import jit
from exchange.jit import (
    ByteArray,
    FloatArray,
    IntArray,
    by_address,
    code_addresses,
    inlined,
    njit,
    piece,
    signature_of,
    warm_up,
)
from exchange.jit_cache import cache_folder
from exchange.types import Side
from tests.marks import needs_compiler

ROOT = Path(__file__).resolve().parents[2]


def test_signature_comes_from_the_annotations() -> None:
    """So every kernel is compiled for its real types before trading starts."""

    def kernel(side: int, sigma: float, on: bool, lots: IntArray, mids: FloatArray) -> None: ...

    assert signature_of(kernel) == (
        nb.int64,
        nb.float64,
        nb.boolean,
        nb.int64[::1],
        nb.float64[::1],
    )


def test_kernel_of_other_types_is_refused() -> None:
    """No objects, dicts or strings: found at warm-up, not at the first quote."""

    def kernel(name: str) -> None: ...

    with pytest.raises(TypeError, match="str"):
        signature_of(kernel)


@njit
def third_of(amount: float) -> float:
    return amount / 3


@njit
def share_of(amount: int, of: int) -> int:
    return amount // of


_third_of, _share_of = by_address(third_of), by_address(share_of)


@njit
def both_by_address(codes: IntArray, amount: int) -> float:
    return float(_third_of(codes[0], amount) + _share_of(codes[1], 12, amount))


@needs_compiler
def test_a_first_call_loads_a_kernel_for_the_types_that_it_declares() -> None:
    """Called with a whole number it would otherwise be compiled for that, and rounded for ever."""
    assert third_of(1) == third_of(1.0) == 1 / 3
    assert [list(taken) for taken in third_of.signatures] == [[nb.float64]]  # type: ignore[attr-defined]


@njit
def first_byte(raw: ByteArray) -> int:
    return int(raw[0])


@njit
def calls_first_byte(raw: ByteArray) -> int:
    return first_byte(raw)


@needs_compiler
def test_a_kernel_that_a_caller_had_compiled_still_takes_what_passes_for_its_types() -> None:
    """An array that can be written passes for one that is only read; numbers for no bytes."""
    assert calls_first_byte(np.full(3, 7, dtype=np.uint8)) == 7

    assert first_byte(np.full(3, 7, dtype=np.uint8)) == 7
    with pytest.raises(TypeError):
        first_byte(np.ones(3))  # type: ignore[arg-type]


def test_a_kernel_called_by_address_does_what_it_does_otherwise() -> None:
    codes = code_addresses(third_of, share_of)

    assert both_by_address(codes, 3) == 1.0 + 4


def test_what_a_kernel_called_by_address_raises_is_raised() -> None:
    """An index out of bounds would otherwise go unseen where indices are checked."""
    with pytest.raises(ZeroDivisionError):
        both_by_address(code_addresses(third_of, share_of), 0)


@needs_compiler
def test_warm_up_leaves_nothing_to_compile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel that compiles at its first call would do so while an order waits."""
    monkeypatch.setattr(jit, "_cold", [])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # one kernel does not make the desk warm

    @njit
    def doubled(lots: int) -> int:
        return 2 * lots

    reports = list(warm_up())
    compiled = len(doubled.signatures)  # type: ignore[attr-defined]  # numba's dispatcher
    doubled(21)
    assert doubled(Side.SELL) == -2  # an enum would have been a type of its own

    assert reports == [(1, 1, "doubled")]
    assert len(doubled.signatures) == compiled  # type: ignore[attr-defined]  # the same


@needs_compiler
def test_a_piece_is_compiled_once_whatever_constants_it_is_handed() -> None:
    """numba would compile it anew for each, and a cold start take a quarter longer."""

    @piece
    def tripled(lots: int) -> int:
        return 3 * lots

    @piece
    def caller(lots: int) -> int:
        return tripled(1) + tripled(lots=2) + tripled(lots)

    compiled(caller)

    assert compiled(tripled).signatures == [(nb.int64,)]


@needs_compiler
def test_what_an_inlined_piece_calls_is_not_copied_with_it() -> None:
    """The whole book was, into every kernel that steps a market."""

    @piece
    def called(lots: int) -> int:
        return 2 * lots

    @inlined
    def caller(lots: int) -> int:
        return called(lots)

    signature = (nb.int64,)
    assert compiled(caller).overloads[signature].fndesc.inline
    assert not compiled(called).overloads[signature].fndesc.inline


def compiled(kernel: Any) -> Any:
    """numba's dispatcher of a piece of one integer."""
    if not kernel.signatures:
        kernel.compile((nb.int64,))
    return kernel


def test_cache_folder_is_the_same_for_the_same_code() -> None:
    """Otherwise every start would compile everything."""
    assert cache_folder() == cache_folder()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The code of the kernels in another folder, files as old as they are here."""
    for package in ("exchange", "engine"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path


def told(checkout: Path, code: str, **environment: str) -> str:
    """What a program prints that has the code of a checkout, and its own cache."""
    return subprocess.check_output(
        [sys.executable, "-P", "-c", code],
        text=True,
        cwd=checkout,
        env={
            **{name: value for name, value in os.environ.items() if name != "NUMBA_BOUNDSCHECK"},
            "PYTHONPATH": str(checkout),
            "XDG_CACHE_HOME": str(checkout / "cache"),
            **environment,
        },
    ).strip()


def cache_folder_of(checkout: Path) -> Path:
    return Path(
        told(checkout, "from exchange.jit_cache import cache_folder; print(cache_folder())")
    )


def test_the_same_code_in_another_folder_is_cold(copied: Path) -> None:
    """numba compiles it anew, so a desk that took it for warm would stand still without a word."""
    assert cache_folder_of(copied).name != cache_folder().name


def test_a_kernel_file_that_is_newer_is_cold(copied: Path) -> None:
    """A checkout of another commit and back leaves the text as it was, but not the times."""
    before = cache_folder_of(copied)
    (copied / "engine" / "models" / "glft.py").touch()

    assert cache_folder_of(copied) != before


@needs_compiler
def test_a_constant_that_changed_in_another_file_is_compiled_anew(copied: Path) -> None:
    """An old layout in a cached kernel writes into its neighbour's numbers, without a word."""
    layout = copied / "exchange" / "probe_layout.py"
    (copied / "exchange" / "probe.py").write_text(
        "from exchange.jit import njit\n"
        "from exchange.probe_layout import AT\n"
        "@njit\n"
        "def where() -> int:\n"
        "    return AT\n"
    )
    found = []
    for at in (3, 4):
        layout.write_text(f"AT = {at}\n")
        found.append(told(copied, "from exchange.probe import where; print(where())"))

    assert found == ["3", "4"]


def test_a_cache_folder_that_cannot_be_written_is_named_with_the_way_out() -> None:
    """numba itself would only say that there is no locator for some function."""
    done = subprocess.run(
        [sys.executable, "-c", "import exchange.jit"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_CACHE_HOME": "/proc/nowhere"},
    )

    assert "SettingsError: the folder for compiled kernels /proc/nowhere" in done.stderr
    assert "set XDG_CACHE_HOME" in done.stderr


@needs_compiler
def test_a_run_that_checks_every_index_has_kernels_of_its_own(copied: Path) -> None:
    """A kernel from the cache of an unchecked run would go on reading beyond its array."""
    (copied / "exchange" / "probe.py").write_text(
        "from exchange.jit import IntArray, njit\n"
        "@njit\n"
        "def at(array: IntArray, i: int) -> int:\n"
        "    return array[i]\n"
    )
    code = (
        "import numpy as np\nfrom exchange.probe import at\n"
        "try:\n    at(np.zeros(3, dtype=np.int64), 4)\n    print('read')\n"
        "except IndexError:\n    print('refused')"
    )

    assert told(copied, code) == "read"
    assert told(copied, code, NUMBA_BOUNDSCHECK="1") == "refused"
