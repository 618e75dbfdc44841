# ruff: noqa: ARG001 - numba fixes the arguments of an intrinsic
"""LLVM intrinsics that numba has no function for: unaligned loads, byte masks, bit counts.

Each is compiled into the kernel that calls it. Offsets are not checked: the
caller keeps `offset + width <= array.size`. The machine must be little-endian,
as all machines are that numba compiles for.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

WIDTH = 32
"""Bytes that `special_bytes` and `line_ends` look at: one AVX2 register."""

_BYTES = ir.VectorType(ir.IntType(8), WIDTH)


def machine_code(generator: Callable[..., Any]) -> Any:
    """Make an intrinsic; its callers do not pass the typing context, which numba adds."""
    return intrinsic(generator)


def place_of(context: Any, builder: Any, signature: Any, args: Any, to: Any) -> Any:
    """Emit the address of byte `args[1]` of the array `args[0]`, as a pointer to `to`."""
    # Offsets are in bytes whatever the type of the array's items, so step over the data as bytes.
    array = context.make_array(signature.args[0])(context, builder, args[0])
    first = builder.bitcast(array.data, ir.IntType(8).as_pointer())
    return builder.bitcast(builder.gep(first, [args[1]]), to.as_pointer())


@machine_code
def load64(typing_context: Any, array: Any, offset: Any) -> Any:
    """Load the 8 bytes of a uint8 array from `offset` on as uint64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # Without `align` LLVM would assume an address that is a multiple of 8, and may fault where it is not.
        word = builder.load(place_of(context, builder, signature, args, ir.IntType(64)))
        word.align = 1
        return word

    return types.uint64(array, types.int64), generate


@machine_code
def load64_big(typing_context: Any, array: Any, offset: Any) -> Any:
    """Load the 8 bytes of a uint8 array from `offset` on as a big-endian uint64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = builder.load(place_of(context, builder, signature, args, ir.IntType(64)))
        word.align = 1
        return builder.bswap(word)

    return types.uint64(array, types.int64), generate


@machine_code
def store64(typing_context: Any, array: Any, offset: Any, word: Any) -> Any:
    """Store a uint64 into the 8 bytes of a uint8 array from `offset` on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = place_of(context, builder, signature, args, ir.IntType(64))
        builder.store(args[2], place).align = 1
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


@machine_code
def special_bytes(typing_context: Any, array: Any, offset: Any) -> Any:
    """Return a mask of the `WIDTH` bytes from `offset` on: quotes, backslashes, controls and non-ASCII."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        text = _load_bytes(context, builder, signature, args)
        quote = builder.icmp_unsigned("==", text, _all(ord('"')))
        escape = builder.icmp_unsigned("==", text, _all(ord("\\")))
        control = builder.icmp_signed("<", text, _all(0x20))  # signed: bytes from 0x80 on are below 0
        found = builder.or_(builder.or_(quote, escape), control)
        # A vector of 32 single bits is the mask: bit i stands for byte `offset` + i.
        return builder.zext(builder.bitcast(found, ir.IntType(WIDTH)), ir.IntType(64))

    return types.int64(array, types.int64), generate


@machine_code
def line_ends(typing_context: Any, array: Any, offset: Any) -> Any:
    """Return a mask of the `WIDTH` bytes from `offset` on: line feeds."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        text = _load_bytes(context, builder, signature, args)
        found = builder.icmp_unsigned("==", text, _all(ord("\n")))
        return builder.zext(builder.bitcast(found, ir.IntType(WIDTH)), ir.IntType(64))

    return types.int64(array, types.int64), generate


def _load_bytes(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    text = builder.load(place_of(context, builder, signature, args, _BYTES))
    text.align = 1
    return text


def _all(byte: int) -> Any:
    return ir.Constant(_BYTES, [byte] * WIDTH)


@machine_code
def first_bit(typing_context: Any, mask: Any) -> Any:
    """Return the position of the lowest set bit of an int64, which must not be 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # 1 leaves the result for 0 undefined, which spares a branch on machines without TZCNT.
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@machine_code
def count_bits(typing_context: Any, mask: Any) -> Any:
    """Return how many bits of an int64 are set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.int64), generate


@machine_code
def folded_product(typing_context: Any, left: Any, right: Any) -> Any:
    """Return the exclusive or of both halves of the 128-bit product of two uint64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        # LLVM makes this the wide multiplication of the machine, not one of 128-bit numbers.
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))
        return builder.xor(high, builder.trunc(product, ir.IntType(64)))

    return types.uint64(types.uint64, types.uint64), generate
