"""JIT compilation, the only import of numba: compile options, the cache folder, and the warm-up.

A kernel is a function of annotated scalars and contiguous arrays. Its signature is read
from its annotations, so that every kernel can be compiled, or loaded from the cache, for
its real types before anything else starts; no kernel ever compiles while trading.
"""

import ctypes
import threading
from collections.abc import Callable, Iterable, Iterator
from inspect import Parameter, Signature
from typing import Any, TypeAlias, TypeVar, cast, get_args, get_origin, get_type_hints

import numba
import numpy as np
from llvmlite import ir
from numba import types as nb
from numba.extending import intrinsic
from numpy.typing import NDArray

from exchange.jit_cache import open_cache

IntArray: TypeAlias = NDArray[np.int64]
"""A contiguous int64 array of one dimension."""
FloatArray: TypeAlias = NDArray[np.float64]
"""A contiguous float64 array of one dimension."""
ByteArray: TypeAlias = NDArray[np.uint8]
"""A contiguous uint8 array of one dimension, which kernels only read."""

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_cold: list[Any] = []
"""Kernels that are not loaded yet."""
_loading = threading.RLock()


_intrinsic: Any = intrinsic
_compiles = not getattr(numba.config, "DISABLE_JIT")  # noqa: B009  # numba.config has no types
setattr(numba.config, "CACHE_DIR", str(open_cache()))  # noqa: B010  # numba.config has no types


# No kernel is handed to C, and the wrapper for that would hold a copy of all that is inlined.
_COMPILED: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True}
_PIECE: dict[str, Any] = {**_COMPILED, "no_cpython_wrapper": True}
# Said aloud: what is first compiled for a caller inherits ``forceinline`` of it, and the whole book
# was copied to wherever the market is stepped.
_CALLED: dict[str, Any] = {"forceinline": False}


def njit(kernel: Kernel) -> Kernel:
    """Compile a kernel, cached on disk, without Python objects."""
    compiled = _for_any_number(numba.njit(cache=True, **_COMPILED)(kernel))
    _cold.append(compiled)
    if _compiles:
        compiled._compile_for_args = lambda *_arguments: _load(compiled)
    return cast(Kernel, compiled)


def _load(kernel: Any) -> Any:
    """Compile a kernel, or load it from the cache, for the types that it declares; the kernel.

    Without a warm-up its first call does so, and is made again, whatever it is called with.
    """
    with _loading:
        signature = signature_of(kernel.py_func)
        if signature not in kernel.overloads:
            kernel.compile(signature)
        kernel.disable_compile()  # also where a caller has had it compiled
        if kernel in _cold:
            _cold.remove(kernel)
    return kernel


def piece(kernel: Kernel) -> Kernel:
    """Compile a piece of kernels: called by them alone, it is compiled and cached with them."""
    return cast(Kernel, _for_any_number(numba.njit(**_PIECE, **_CALLED)(kernel)))


def inlined(kernel: Kernel) -> Kernel:
    """A piece that is copied to wherever it is called.

    For what runs once a byte or a level, and for what is called from one place: a call of a piece
    counts the references to each of its arrays up and down, a third of the tutorial's time.
    """
    return cast(Kernel, _for_any_number(numba.njit(**_PIECE, forceinline=True)(kernel)))


def _for_any_number(dispatcher: Any) -> Any:
    """Have callers call what was compiled for an integer, and not for each constant of theirs.

    To numba a constant is a type of its own: it compiled ``note`` for each code that is noted, and
    a fifth of the time went into such copies. They come back where numba asks in another way.
    """
    if _compiles:
        resolve, plain = dispatcher.get_call_template, cast(Any, nb.unliteral)

        def get_call_template(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
            return resolve(tuple(map(plain, args)), {name: plain(kws[name]) for name in kws})

        dispatcher.get_call_template = get_call_template
    return dispatcher


def in_python(kernel: Kernel) -> Kernel:
    """The function that a piece was compiled from, which Python can call."""
    return cast(Kernel, getattr(kernel, "py_func", kernel))


def _numba_type(hint: Any) -> Any:
    scalars = {int: nb.int64, float: nb.float64, bool: nb.boolean, type(None): nb.none}
    if hint in scalars:
        return scalars[hint]
    if hint == IntArray:
        return nb.int64[::1]
    if hint == FloatArray:
        return nb.float64[::1]
    if hint == ByteArray:
        # Bytes of Python are read-only arrays, and any other array passes for one.
        return nb.Array(nb.uint8, 1, "C", readonly=True)
    if get_origin(hint) is tuple:
        parts = [_numba_type(part) for part in get_args(hint)]
        return nb.Tuple(parts)  # type: ignore[no-untyped-call]  # numba has no types of its own
    raise TypeError(f"a kernel cannot take {hint!r}")


def signature_of(function: Callable[..., Any]) -> tuple[Any, ...]:
    """The numba argument types that a kernel's annotations promise."""
    hints = get_type_hints(function)
    hints.pop("return", None)
    return tuple(_numba_type(hint) for hint in hints.values())


# ---------------------------------------------------------------- calls by address


def code_addresses(*kernels: Callable[..., Any]) -> IntArray:
    """Where the code of kernels lies in this process, for ``by_address``; they are compiled now.

    Args:
        kernels: Of a module, so that they live as long as the process.

    Raises:
        TypeError: When one gives another type than it says.
    """
    return np.array([_code_address(kernel) for kernel in kernels], dtype=np.int64)


def _code_address(kernel: Any) -> int:
    if not _compiles:
        return 0
    compiled = _load(kernel).overloads[signature_of(kernel.py_func)]
    if compiled.signature.return_type != _returned(kernel):
        raise TypeError(f"{kernel.__name__} gives {compiled.signature.return_type}")
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def _returned(kernel: Any) -> Any:
    return _numba_type(get_type_hints(kernel.py_func)["return"])


def by_address(kernel: Kernel) -> Callable[..., Any]:
    """A kernel that is called where it lies; what calls it does not have it compiled in.

    LLVM optimises anew, in every caller, all that is compiled in: a kernel that is called by
    three others is paid for four times. A call by address costs a few nanoseconds instead.

    Returns:
        A function of an address of ``code_addresses`` and the kernel's own arguments.
    """
    if not _compiles:
        return lambda _address, *arguments: kernel(*arguments)
    taken = signature_of(getattr(kernel, "py_func"))  # noqa: B009  # a dispatcher, to mypy a function
    given = _returned(kernel)

    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        address, *rest = arguments
        function = context.call_conv.get_function_type(given, taken).as_pointer()
        callee = builder.inttoptr(address, function)
        status, result = context.call_conv.call_function(builder, callee, given, taken, rest)
        with builder.if_then(status.is_error, likely=False):
            context.call_conv.return_status_propagate(builder, status)
        return result

    def call(_typing: Any, _address: Any, *_arguments: Any) -> Any:
        return given(nb.int64, *taken), build

    # A tuple of all arguments is not what the kernel takes.
    names = ["typing", "address", *(f"argument_{number}" for number in range(len(taken)))]
    call.__signature__ = Signature(  # type: ignore[attr-defined]
        [Parameter(name, Parameter.POSITIONAL_ONLY) for name in names]
    )
    return cast(Callable[..., Any], _intrinsic(call))


# ---------------------------------------------------------------- the warm-up


def cold_kernels() -> list[Any]:
    """Kernels that were imported and are not compiled yet, callers first."""
    return _cold[::-1]


def warm_up(called: Iterable[Callable[..., Any]] | None = None) -> Iterator[tuple[int, int, str]]:
    """Compile or load kernels that are still cold, one at a time.

    Afterwards they take other types only by converting them to those: an enum, which numba
    would compile anew for, becomes its integer. Hand over plain integers all the same: looking
    up what an enum is takes fifty times as long as the call.

    Args:
        called: Those that this process will call; by default every one that was imported.

    Yields:
        ``(done, total, name)`` after each kernel, for a progress bar.
    """
    if not _compiles:
        return
    wanted = cold_kernels() if called is None else [one for one in called if one in _cold]
    for done, kernel in enumerate(wanted, 1):
        _load(kernel)
        yield done, len(wanted), kernel.__name__


# ---------------------------------------------------------------- memory


def _reader(bits: int) -> Any:
    """An intrinsic that reads a little-endian number at an address, aligned or not."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        word = ir.IntType(bits)
        loaded = builder.load(builder.inttoptr(arguments[0], word.as_pointer()))
        loaded.align = 1
        return loaded if bits == _WORD_BITS else builder.zext(loaded, ir.IntType(_WORD_BITS))

    def read(_typing: Any, _address: Any) -> Any:
        return nb.int64(nb.int64), build

    return _intrinsic(read)


def _address(_typing: Any, array: Any) -> Any:
    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        data = context.make_array(array)(context, builder, arguments[0]).data
        return builder.ptrtoint(data, ir.IntType(_WORD_BITS))

    return nb.int64(array), build


def _uncounted(_typing: Any, array: Any) -> Any:
    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        view = context.make_array(array)(context, builder, arguments[0])
        for owner in ("meminfo", "parent"):
            setattr(view, owner, ir.Constant(getattr(view, owner).type, None))
        return view._getvalue()

    return array(array), build


def _read_memory(kind: Any) -> Any:
    return lambda address: kind.from_address(int(address)).value


_WORD_BITS = 64

address_of: Callable[[NDArray[Any]], int] = (
    _intrinsic(_address) if _compiles else lambda array: int(array.ctypes.data)
)
"""Where an array's first byte lies in memory."""

byte_at: Callable[[int], int] = _reader(8) if _compiles else _read_memory(ctypes.c_uint8)
"""The byte at an address."""

word_at: Callable[[int], int] = _reader(_WORD_BITS) if _compiles else _read_memory(ctypes.c_int64)
"""The eight bytes from an address on, the first of them lowest."""

_LINE_NUMBERS = 8
"""Numbers of 64 bits in a cache line."""


def new_ints(size: int) -> IntArray:
    """Zeros in memory of their own, from the start of a cache line on.

    Every number is written: on pages that the system has not handed out yet the kernels take
    a hundred times as long, and go on doing so.
    """
    return cast(IntArray, _on_a_line(np.empty(size + _LINE_NUMBERS, dtype=np.int64)))


def new_floats(size: int) -> FloatArray:
    """As ``new_ints``."""
    return cast(FloatArray, _on_a_line(np.empty(size + _LINE_NUMBERS, dtype=np.float64)))


def _on_a_line(memory: Any) -> Any:
    skipped = -memory.ctypes.data // memory.itemsize % _LINE_NUMBERS
    numbers = memory[skipped : skipped + memory.size - _LINE_NUMBERS]
    numbers.fill(0)
    return numbers


_Array = TypeVar("_Array", ByteArray, IntArray, FloatArray)
borrowed: Callable[[_Array], _Array] = _intrinsic(_uncounted) if _compiles else lambda array: array
"""The same array, held by the caller and not counted here.

Numba counts who holds an array at every slice of it and whenever a piece is handed one. In a
loop over small messages that took more time than all the work.
"""
