"""Avro container files: their header and blocks; fastavro decodes the records.

fastavro's own readers unpack a block however large it becomes (a megabyte of
deflate makes a gigabyte) and ignore bytes that are left behind its records.
So the container is read here, and each block is decoded as one Avro array.
"""

import bz2
import io
import json
import lzma
import zlib
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

import fastavro
import pyarrow as pa
import zstandard

from pipelines.errors import TruyVetError
from pipelines.ingest.formats.avro_schema import plain_schema
from pipelines.ingest.formats.discovery.streams import MAGIC, DamagedError, read_upto

MOST_BLOCK_BYTES: Final = 1 << 26
"""The longest header or block, as it lies in the file and unpacked. Writers cut blocks at 16 KB to 1 MB."""

_SYNC_BYTES: Final = 16
_CRC_BYTES: Final = 4
_LONGEST_NUMBER: Final = 10
_FIXED: Final = "fixed"
_HEADER: Final = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Header",
        "fields": [
            {"name": "magic", "type": {"type": _FIXED, "name": "Magic", "size": len(MAGIC["avro"])}},
            {"name": "meta", "type": {"type": "map", "values": "bytes"}},
            {"name": "sync", "type": {"type": _FIXED, "name": "Sync", "size": _SYNC_BYTES}},
        ],
    }
)


class AvroContainer:
    """An Avro file or message, read from its first byte to its last.

    Attributes:
        schema: the writer's schema of its records, parsed.
        fields: the names of their fields.
    """

    def __init__(self, stream: Any, dates: Collection[str] = ()) -> None:
        """Read the header.

        Args:
            stream: an object with `readinto`.
            dates: fields whose dates become text, as `plain_schema` takes them.

        Raises:
            DamagedError: it is not Avro, or its records are not records.
        """
        self._stream = _Bounded(stream)
        try:
            header = _decoded(self._stream, _HEADER)
            meta, self._sync = header["meta"], header["sync"]
            self._unpack = _CODECS[meta.get("avro.codec", b"null").decode()]
            items = json.loads(meta["avro.schema"])
            self.schema = _parsed(items)
            self.fields = [field["name"] for field in self.schema["fields"]]
            # A block of records is an Avro array but for its frame, which `_records` puts around it.
            self._array = plain_schema(json.dumps({"type": "array", "items": items}), dates)
        except TruyVetError:
            raise
        except Exception as error:  # a schema can be wrong in as many ways as fastavro has classes
            raise DamagedError from error
        if header["magic"] != MAGIC["avro"]:
            raise DamagedError

    def blocks(self) -> Iterator[list[Any]]:
        """Yield the records of each block as fastavro makes them: texts, numbers, lists, dictionaries.

        Bytes of a text that are not UTF-8 come as surrogates (`surrogateescape`).

        Raises:
            DamagedError: a block is cut off, changed or too long.
        """
        while True:
            # The limit is that of one block.
            self._stream.left = MOST_BLOCK_BYTES
            # Only here may the file end: anywhere later in the block it is cut off.
            begin = self._stream.read(1)
            if not begin:
                return
            count = self._long(begin)
            packed = self._exactly(self._long())
            if self._exactly(_SYNC_BYTES) != self._sync:
                raise DamagedError
            yield self._records(count, packed)

    def _records(self, count: int, packed: bytes) -> list[Any]:
        try:
            data = self._unpack(packed)
            if not 0 <= count <= len(data) <= MOST_BLOCK_BYTES:  # a record takes a byte at least
                raise DamagedError
            # An array is a count, its items, and a count of 0 that ends it.
            array = io.BytesIO(_long_bytes(count) + data + b"\0" if count else b"\0" + data)
            records: list[Any] = _decoded(array, self._array)
        except Exception as error:  # each codec has an error of its own, and fastavro's are of any class
            raise DamagedError from error
        # Bytes behind the last record are damage that fastavro would pass over.
        if len(records) != count or array.read(1):
            raise DamagedError
        return records

    def _long(self, begin: bytes = b"") -> int:
        """Read a number; `begin` is its first byte, if that was read already."""
        number = begin or self._exactly(1)
        while number[-1] & 0x80:
            number += self._exactly(1)
            if len(number) > _LONGEST_NUMBER:
                raise DamagedError
        value = _number(number)
        # Zigzag: 0, 1, 2, 3 stand for 0, -1, 1, -2.
        return value >> 1 ^ -(value & 1)

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise DamagedError
        return data


class _Bounded:
    """A stream that gives no more bytes than `left` says."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.left = MOST_BLOCK_BYTES

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer at the end of the stream.

        Raises:
            DamagedError: more are wanted than can be held.
        """
        if not 0 <= size <= self.left:
            raise DamagedError
        self.left -= size
        return read_upto(self._stream, size).tobytes()


def _decoded(stream: Any, schema: Any) -> Any:
    return fastavro.schemaless_reader(stream, schema, None, handle_unicode_errors="surrogateescape")


def _parsed(schema: Any) -> Any:
    return fastavro.parse_schema(schema)


def _number(data: bytes) -> int:
    """Read the number that `data` begins with: seven bits a byte, the low ones first."""
    value = 0
    for place, byte in enumerate(data):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    return value


def _long_bytes(value: int) -> bytes:
    """Write a number ≥ 0 as an Avro `long`."""
    value <<= 1
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def _unpacker(make: Callable[[], Any]) -> Callable[[bytes], bytes]:
    """Build a codec from a decompressor of the standard library, which takes a limit."""

    def unpack(packed: bytes) -> bytes:
        decompressor = make()
        # One byte more than is allowed, so that the caller sees that there is too much.
        data: bytes = decompressor.decompress(packed, MOST_BLOCK_BYTES + 1)
        if not decompressor.eof:
            raise DamagedError
        return data

    return unpack


def _unpack_zstandard(packed: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
        return reader.read(MOST_BLOCK_BYTES + 1)


def _unpack_snappy(packed: bytes) -> bytes:
    """Unpack a block of raw snappy: its size comes first, the CRC-32 of what it holds last."""
    # The varint in front is a stranger's claim: bounded before memory is reserved for it.
    size = _number(packed[:_LONGEST_NUMBER])
    if size > MOST_BLOCK_BYTES:
        raise DamagedError
    data: bytes = pa.Codec("snappy").decompress(packed[:-_CRC_BYTES], size, asbytes=True)
    if zlib.crc32(data) != int.from_bytes(packed[-_CRC_BYTES:], "big"):
        raise DamagedError
    return data


_CODECS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "null": bytes,
    "deflate": _unpacker(lambda: zlib.decompressobj(-zlib.MAX_WBITS)),
    "bzip2": _unpacker(bz2.BZ2Decompressor),
    "xz": _unpacker(lzma.LZMADecompressor),
    "zstandard": _unpack_zstandard,
    "snappy": _unpack_snappy,
}
