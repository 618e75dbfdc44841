"""Sealed files: encrypted at rest while landed messages wait for their commit.

    file  = magic (8) ‖ salt (16) ‖ frame…
    frame = length (4, big-endian) ‖ last (1) ‖ AES-256-GCM(up to 1 MB)

Each file has a key of its own, HMAC-SHA-256(key, salt). The nonce of a frame is its
number and `last` is its associated data, so frames cannot be moved between or within
files, and a truncated file is detected (the STREAM construction of Hoang et al., 2015).
"""

import hmac
import io
import os
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC: Final = b"TVSEAL1\n"

_SALT = 16
_TAG = 16
_HEAD = 5
_FRAME_BYTES = 1 << 20
_NONCE = 12


class NotSealedError(OSError):
    """A sealed file is damaged, truncated, or was sealed with another key."""


def seal_into(file: IO[bytes], key: bytes, parts: Iterable[bytes]) -> int:
    """Write a sealed file and return its size.

    >>> file = io.BytesIO()
    >>> seal_into(file, b"k" * 32, [b"one ", b"scan"])
    53
    >>> _ = file.seek(0)
    >>> SealedReader(file, b"k" * 32).read()
    b'one scan'

    Args:
        file: open for writing, at its start.
        key: 32 bytes, shared by many files.
        parts: the content.

    Returns:
        The number of bytes written.
    """
    salt = os.urandom(_SALT)
    cipher = _cipher(key, salt)
    written = file.write(MAGIC + salt)
    # Write one frame behind, since only the end of the input tells which one is last.
    ahead = None
    for number, frame in enumerate(_frames(parts)):
        if ahead is not None:
            written += file.write(_sealed(cipher, number - 1, ahead, last=False))
        ahead, at = frame, number
    return written + file.write(
        _sealed(cipher, 0, b"", last=True) if ahead is None else _sealed(cipher, at, ahead, last=True)
    )


class SealedReader(io.RawIOBase):
    """The content of a sealed file, read once from start to end."""

    def __init__(self, file: Any, key: bytes) -> None:
        """Read the head.

        Args:
            file: open for reading, at its start.
            key: the key that it was sealed with.

        Raises:
            NotSealedError: the file is not a sealed file.
        """
        self._file = file
        head = self._exactly(len(MAGIC) + _SALT)
        if not head.startswith(MAGIC):
            raise NotSealedError
        self._cipher = _cipher(key, head[len(MAGIC) :])  # the rest of the head is the salt
        self._number = 0
        self._ended = False
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer up to the end of a frame and return the number of bytes; 0 is the end.

        Raises:
            NotSealedError: a frame is damaged or missing.
        """
        while not self._left and not self._ended:  # the last frame may be empty
            self._left = memoryview(self._next_frame())
        size = min(len(buffer), len(self._left))
        memoryview(buffer).cast("B")[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def _next_frame(self) -> bytes:
        head = self._exactly(_HEAD)
        length, last = int.from_bytes(head[:4], "big"), head[4:]
        # Check before reading: a damaged length could ask for 4 GB.
        if length > _FRAME_BYTES + _TAG:
            raise NotSealedError
        try:
            frame = self._cipher.decrypt(_nonce(self._number), self._exactly(length), last)
        except InvalidTag as error:
            raise NotSealedError from error
        self._number += 1
        self._ended = last == b"\x01"
        # Nothing may follow the last frame, else a file could be extended unnoticed.
        if self._ended and self._file.read(1):
            raise NotSealedError
        return frame

    def _exactly(self, size: int) -> bytes:
        data = bytes(self._file.read(size))
        if len(data) < size:
            raise NotSealedError
        return data


def _frames(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Cut the content into pieces of a frame's size; the last may be shorter."""
    held = bytearray()
    for part in parts:
        held += part
        while len(held) >= _FRAME_BYTES:
            yield bytes(held[:_FRAME_BYTES])
            del held[:_FRAME_BYTES]
    if held:
        yield bytes(held)


def _sealed(cipher: AESGCM, number: int, frame: bytes, *, last: bool) -> bytes:
    flag = b"\x01" if last else b"\x00"
    text = cipher.encrypt(_nonce(number), frame, flag)
    return len(text).to_bytes(4, "big") + flag + text


def _nonce(number: int) -> bytes:
    # Never repeats under one key, because each file has its own.
    return number.to_bytes(_NONCE, "big")


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, b"truyvet sealed file v1" + salt, "sha256"))
