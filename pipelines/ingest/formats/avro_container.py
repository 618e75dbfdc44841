"""The container of Avro: header, schema and blocks, as they lie in a file.

fastavro reads a file by turning every value into an object, and one instant
past the year 9999 or one byte that is no UTF-8 ends it; here a block stays
the bytes that it is.
"""

import bz2
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import zstandard
from fastavro.schema import parse_schema

from pipelines.ingest.formats import avro_kernel as kernel
from pipelines.ingest.formats.streams import MAGIC, DamagedError, read_upto
from pipelines.kernels.types import UInt8

MOST_BLOCK_BYTES: Final = 1 << 29
"""The longest block that is held, as it lies in the file and when it is unpacked."""

_SYNC_BYTES: Final = 16
_CRC_BYTES: Final = 4
_PLAIN: Final = {
    "null": kernel.NULL,
    "boolean": kernel.BOOLEAN,
    "int": kernel.LONG,
    "long": kernel.LONG,
    "float": kernel.FLOAT,
    "double": kernel.DOUBLE,
    "string": kernel.TEXT,
    "bytes": kernel.TEXT,
}


class Schema:
    """A writer's schema as the nodes that the kernel walks along.

    Attributes:
        tree: its nodes.
        root: the node of the record.
        fields: its fields' names.
        logical: logical types by node.
        symbols: the texts of enums by node.
    """

    def __init__(self, text: bytes) -> None:
        """Parse the schema of a header.

        Raises:
            DamagedError: it is no schema of records.
        """
        self.fields: list[str] = []
        self.logical: dict[int, str] = {}
        self.symbols: dict[int, list[str]] = {}
        self._rows: list[tuple[int, int, int]] = []
        self._children: list[int] = []
        self._named: dict[str, int] = {}
        parsed: Any = parse_schema(json.loads(text))
        self.root = self._add(parsed)
        if self._rows[self.root][0] != kernel.RECORD:
            raise DamagedError
        self.fields = [field["name"] for field in parsed["fields"]]
        self.tree = kernel.Nodes(np.array(self._rows, np.int64), np.array(self._children, np.int64))

    def leaves(self, name: str) -> list[int]:
        """The nodes that a value of a field may have, unions resolved."""
        nodes, children = self.tree
        node = int(children[nodes[self.root, 1] + self.fields.index(name)])
        what, first, count = nodes[node]
        return [int(n) for n in children[first : first + count]] if what == kernel.UNION else [node]

    def _add(self, schema: Any) -> int:
        if isinstance(schema, list):
            return self._with_children(kernel.UNION, schema)
        if isinstance(schema, str):
            return self._named[schema] if schema in self._named else self._node(_PLAIN[schema])
        kind = schema["type"]
        if kind in ("record", "error"):
            return self._with_children(kernel.RECORD, [field["type"] for field in schema["fields"]], schema)
        if kind == "enum":
            node = self._node(kernel.ENUM, name=schema["name"])
            self.symbols[node] = schema["symbols"]
        elif kind == "fixed":
            node = self._node(kernel.FIXED, count=schema["size"], name=schema["name"])
        elif kind in ("array", "map"):
            what = kernel.ARRAY if kind == "array" else kernel.MAP
            return self._with_children(what, [schema["items" if kind == "array" else "values"]])
        else:
            node = self._add(kind)
        if "logicalType" in schema:
            self.logical[node] = str(schema["logicalType"])
        return node

    def _node(self, what: int, first: int = 0, count: int = 0, name: str = "") -> int:
        self._rows.append((what, first, count))
        if name:
            self._named[name] = len(self._rows) - 1
        return len(self._rows) - 1

    def _with_children(self, what: int, parts: list[Any], schema: dict[str, Any] | None = None) -> int:
        node = self._node(what, name=schema["name"] if schema else "")
        added = [self._add(part) for part in parts]
        self._rows[node] = (what, len(self._children), len(added))
        self._children += added
        return node


class AvroFile:
    """An Avro file that is read from its begin to its end.

    Attributes:
        schema: of its records.
    """

    def __init__(self, stream: Any) -> None:
        """Read the header.

        Raises:
            DamagedError: it is none.
        """
        self._stream = stream
        if self._read(len(MAGIC["avro"])).tobytes() != MAGIC["avro"]:
            raise DamagedError
        facts = self._facts()
        self._sync = self._read(_SYNC_BYTES).tobytes()
        try:
            self._unpack_codec = _CODECS[facts.get("avro.codec", b"null").decode()]
            self.schema = Schema(facts["avro.schema"])
        except Exception as error:  # a schema can be wrong in as many ways as there are classes
            raise DamagedError from error

    def blocks(self) -> Iterator[tuple[int, UInt8]]:
        """The blocks: how many records, and their bytes.

        Raises:
            DamagedError: a block is cut off or is not where it should be.
        """
        while True:
            begin = read_upto(self._stream, 1)
            if not begin.size:
                return
            records = self._long(begin)
            packed = self._read(self._long())
            if self._read(_SYNC_BYTES).tobytes() != self._sync:
                raise DamagedError
            data = self._unpack(packed)
            if not 0 <= records <= data.size:  # a record has a byte at least
                raise DamagedError
            yield records, data

    def _unpack(self, packed: UInt8) -> UInt8:
        try:
            return self._unpack_codec(packed)
        except Exception as error:  # each codec raises its own
            raise DamagedError from error

    def _facts(self) -> dict[str, bytes]:
        """The map of the header."""
        facts: dict[str, bytes] = {}
        while count := self._long():
            if count < 0:
                self._long()
            for _ in range(abs(count)):
                name = self._read(self._long()).tobytes().decode(errors="replace")
                facts[name] = self._read(self._long()).tobytes()
        return facts

    def _long(self, begin: UInt8 | None = None) -> int:
        number = begin if begin is not None else self._read(1)
        while number[-1] & 0x80:
            number = np.append(number, self._read(1))
            if number.size > 10:
                raise DamagedError
        return int(kernel.read_long(number, 0)[0])

    def _read(self, length: int) -> UInt8:
        """So many bytes.

        Raises:
            DamagedError: there are fewer, or more than can be held.
        """
        if not 0 <= length <= MOST_BLOCK_BYTES:
            raise DamagedError
        data = read_upto(self._stream, length)
        if data.size < length:
            raise DamagedError
        return data


def _array(data: bytes) -> UInt8:
    """Unpacked bytes as a writable array.

    Raises:
        DamagedError: they are more than can be held.
    """
    if len(data) > MOST_BLOCK_BYTES:
        raise DamagedError
    return np.frombuffer(bytearray(data), np.uint8)


def _unpack_with(unpacker: Callable[[], Any]) -> Callable[[UInt8], UInt8]:
    """The unpacking of a codec of the standard library, which can be told how much to hold."""

    def unpack(packed: UInt8) -> UInt8:
        running = unpacker()
        data = running.decompress(packed.tobytes(), MOST_BLOCK_BYTES + 1)
        if not running.eof:
            raise DamagedError
        return _array(data)

    return unpack


def _unpack_zstd(packed: UInt8) -> UInt8:
    with zstandard.ZstdDecompressor().stream_reader(packed.tobytes(), read_across_frames=True) as reader:
        return _array(reader.read(MOST_BLOCK_BYTES + 1))


def _unpack_snappy(packed: UInt8) -> UInt8:
    size = shift = 0
    for byte in packed[:5].tolist():
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size > MOST_BLOCK_BYTES:
        raise DamagedError
    data = pa.Codec("snappy").decompress(packed[:-_CRC_BYTES].tobytes(), size, asbytes=True)
    if zlib.crc32(data) != int.from_bytes(packed[-_CRC_BYTES:].tobytes(), "big"):
        raise DamagedError
    return _array(data)


_CODECS: Final[dict[str, Callable[[UInt8], UInt8]]] = {
    "null": lambda packed: packed,
    "deflate": _unpack_with(lambda: zlib.decompressobj(-zlib.MAX_WBITS)),
    "bzip2": _unpack_with(bz2.BZ2Decompressor),
    "xz": _unpack_with(lzma.LZMADecompressor),
    "zstandard": _unpack_zstd,
    "snappy": _unpack_snappy,
}
