"""What may happen to a sidecar."""

import pyarrow as pa
import pytest


def _another_table():
    sink = pa.BufferOutputStream()
    table = pa.table({"person": [1]}, schema=pa.schema([("person", pa.int64())]))
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


UNFIT = [
    pytest.param(lambda path: path.write_bytes(b""), id="empty"),
    pytest.param(lambda path: path.write_bytes(b"no arrow"), id="something else"),
    pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-40]), id="cut short"),
    pytest.param(lambda path: path.write_bytes(_another_table()), id="another table"),
]
"""Each makes a sidecar one that cannot be used."""


def each_flipped(path):
    """Put a file with some flipped bits in place of a sidecar, again and again at another byte."""
    good = path.read_bytes()
    for position in range(0, len(good), 7):
        bad = bytearray(good)
        bad[position] ^= 0x81
        replacement = path.with_suffix(".new")
        replacement.write_bytes(bad)
        replacement.replace(path)  # written over in place, the mapped one would change
        yield
