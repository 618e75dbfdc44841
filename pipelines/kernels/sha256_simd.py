"""The compression function of SHA-256 on eight messages at once, one in each lane of a vector register.

Eight lanes take about 22 ns a message and block, where compiled code for one
message takes 320 ns and Python's `hmac` 2,600 ns. How it is checked stands in
`sha256`.
"""
# ruff: noqa: ARG001 - numba fixes the arguments of an intrinsic

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types

from pipelines.kernels.simd import machine_code, place_of

LANES = 8
"""Messages that one call of `compress` works on: as many 32-bit words as an AVX2 register holds."""

_WORD = ir.IntType(32)
_VECTOR = ir.VectorType(_WORD, LANES)

# fmt: off
_ROUND_CONSTANTS = (
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
)
# fmt: on
"""FIPS 180-4, 4.2.2."""


@machine_code
def compress(typing_context: Any, state: Any, block: Any) -> Any:
    """Update the state of each lane with one block of its message.

    Args:
        typing_context: numba's.
        state: uint32[8 * LANES], a word of all lanes after the other; changed in place.
        block: uint32[16 * LANES], the words of the blocks likewise.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        places = [
            place_of(
                context,
                builder,
                types.void(kind, types.int64),
                (arg, ir.Constant(ir.IntType(64), 0)),
                _VECTOR,
            )
            for kind, arg in zip(signature.args, args, strict=True)
        ]
        _emit_compression(_Vectors(builder), *places)
        return context.get_dummy_value()

    return types.void(state, block), generate


class _Vectors:
    """Emits instructions on 32-bit words, `LANES` of them at a time."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def load(self, place: Any, index: int) -> Any:
        word = self.builder.load(self.builder.gep(place, [ir.Constant(_WORD, index)]))
        # NumPy aligns uint32 to 4 bytes; LLVM would assume the 32 of the vector type, and may fault.
        word.align = 4
        return word

    def store(self, word: Any, place: Any, index: int) -> None:
        self.builder.store(word, self.builder.gep(place, [ir.Constant(_WORD, index)])).align = 4

    def rotated(self, word: Any, bits: int) -> Any:
        # A funnel shift of a word with itself is a rotation.
        return self._call("fshr", word, word, self.all(bits))

    def _call(self, name: str, *words: Any) -> Any:
        """Call an LLVM intrinsic by its mangled name: llvmlite declares none for vectors."""
        module, full_name = self.builder.module, f"llvm.{name}.v{LANES}i32"
        function = module.globals.get(full_name) or ir.Function(
            module, ir.FunctionType(_VECTOR, [_VECTOR] * len(words)), full_name
        )
        return self.builder.call(function, words)

    def shifted(self, word: Any, bits: int) -> Any:
        return self.builder.lshr(word, self.all(bits))

    def all(self, value: int) -> Any:
        return ir.Constant(_VECTOR, [value] * LANES)

    def xor(self, *words: Any) -> Any:
        first, *others = words
        for word in others:
            first = self.builder.xor(first, word)
        return first

    def add(self, *words: Any) -> Any:
        first, *others = words
        for word in others:
            first = self.builder.add(first, word)
        return first


def _emit_compression(v: _Vectors, state: Any, block: Any) -> None:
    """Emit the 64 rounds of FIPS 180-4, section 6.2.2, each instruction for all lanes.

    The names a to h, and the functions they go through, are those of the standard.
    """
    # Each name is an instruction of the kernel being built, not a number: the loop unrolls into it.
    before = [v.load(state, index) for index in range(8)]
    schedule = [v.load(block, index) for index in range(16)]
    a, b, c, d, e, f, g, h = before
    for turn, constant in enumerate(_ROUND_CONSTANTS):
        if turn >= 16:
            early, late = schedule[(turn - 15) % 16], schedule[(turn - 2) % 16]
            # A ring of 16 words: the new one takes the place of the word 16 rounds back, which it adds to.
            schedule[turn % 16] = v.add(
                schedule[turn % 16],
                v.xor(v.rotated(early, 7), v.rotated(early, 18), v.shifted(early, 3)),
                schedule[(turn - 7) % 16],
                v.xor(v.rotated(late, 17), v.rotated(late, 19), v.shifted(late, 10)),
            )
        # The standard's Ch, and below its Maj, rewritten so that each takes one instruction fewer.
        choice = v.xor(g, v.builder.and_(e, v.xor(f, g)))
        mixed_e = v.xor(v.rotated(e, 6), v.rotated(e, 11), v.rotated(e, 25))
        first = v.add(h, mixed_e, choice, schedule[turn % 16], v.all(constant))
        majority = v.builder.or_(v.builder.and_(a, b), v.builder.and_(c, v.builder.or_(a, b)))
        mixed_a = v.xor(v.rotated(a, 2), v.rotated(a, 13), v.rotated(a, 22))
        h, g, f, e, d, c, b, a = g, f, e, v.add(d, first), c, b, a, v.add(first, mixed_a, majority)
    for index, (old, new) in enumerate(zip(before, (a, b, c, d, e, f, g, h), strict=True)):
        v.store(v.add(old, new), state, index)
