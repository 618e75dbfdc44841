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

from pipelines.kernels.cache import keep_compiled_kernels

__version__ = "0.1.0"

keep_compiled_kernels()  # before anything imports numba
