"""Records of a flag as the file that `run` takes, so that both are checked and committed alike."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson


@contextmanager
def records_file(name: str, records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write records as NDJSON into a private folder, which is removed at the end.

    Args:
        name: of the input, such as `venues`.
        records: as its contract names their fields.

    Yields:
        The path of the file.
    """
    with tempfile.TemporaryDirectory(prefix=f"truyvet-{name}-") as folder:
        path = Path(folder, f"{name}.ndjson")
        path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
        yield str(path)
