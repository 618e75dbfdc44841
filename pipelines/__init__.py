"""From scans to exposure lists: the whole flow.

    scans, encounters,      ingest          windowing        graph           query
    declarations       ──▶  decode,     ──▶ pair scans   ──▶ contacts,   ──▶ DuckDB over   ──▶ export
    (files, Pub/Sub)        validate,       into stays,      tiers,          the lake          lists
                            token, dedupe   footfall         clusters
                              │
                              ▼
                            rejects (reason and digest, never the record)

`ingest` turns files and messages into the tables `scans`, `venues`, `cases`,
`encounters`, `declarations` and `rejects`. `windowing` pairs the scans of a
person at a venue into `stays` and counts `footfall`; both are a deterministic
function of the set of accepted scans and of the registry, recomputed for the
dates that changed. `graph` derives contacts and tiers, `query` answers
questions from the lake without Beam, `export` hands the answers on.

A stage imports earlier stages, the shared modules that lie beside this file
and `schemas`. Shared modules import no stage. The drivers `run`, `recompute`,
`venues` and `demo` put stages together, and `cli` loads a command when it is called.
"""

import hashlib
import os
from pathlib import Path

__version__ = "0.1.0"


def _keep_compiled_kernels() -> None:
    """Name a private folder where compiled kernels outlive the process, unless one is named.

    Numba compiles for seconds without its cache, and beside the source it may
    not write when the package is installed read-only. Never a shared folder
    such as /tmp: what lies in the cache is executed. Numba compares a kernel
    with its own file alone and would go on with what it once took from
    another, so the folder is one of these very sources. Without a home, and
    where this folder cannot be written, numba keeps its own default.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if os.path.isabs(base):
        folder = os.path.join(base, "truyvet", f"numba-{_sources_digest()}")
        os.environ.setdefault("NUMBA_CACHE_DIR", folder)


def _sources_digest() -> str:
    """16 hexadecimal digits that change with the place, size or time of any source of ours."""
    here = Path(__file__).parent
    schemas = here.with_name("schemas")
    paths = sorted([*here.rglob("*.py"), *schemas.rglob("*.py"), *schemas.rglob("*.avsc")])
    seen = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


_keep_compiled_kernels()  # numba reads the variable when it is imported
