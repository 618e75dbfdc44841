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

import os

__version__ = "0.1.0"


def _keep_compiled_kernels() -> None:
    """Name a private folder where compiled kernels outlive the process, unless one is named.

    Numba compiles for seconds without its cache, and beside the source it may
    not write when the package is installed read-only. Never a shared folder
    such as /tmp: what lies in the cache is executed. Without a home, and where
    this folder cannot be written, numba keeps its own default.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if os.path.isabs(base):
        os.environ.setdefault("NUMBA_CACHE_DIR", os.path.join(base, "truyvet", "numba"))


_keep_compiled_kernels()  # numba reads the variable when it is imported
