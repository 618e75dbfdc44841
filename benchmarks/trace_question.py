"""The question for the peers of `trace`: who is infectious when, as files that any tool can read."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from pipelines.graph.cases import cases_by_id
from pipelines.graph.tracing.infectious_intervals import infectious_intervals, isolation
from pipelines.graph.tracing.request import make_request
from pipelines.lake import open_lake
from schemas.rules import load_rule


@dataclass(frozen=True)
class Question:
    """A trace request.

    Attributes:
        lake: folder of the lake.
        cases: ids of the cases.
        rule: the id of a rule pack.
        depth: the last tier.
    """

    lake: Path
    cases: tuple[str, ...]
    rule: str
    depth: int

    def stays(self) -> list[str]:
        """Return the Parquet files of `stays` in the order of venues."""
        return [uri for uri in DeltaTable(str(self.lake / "stays")).file_uris() if "by=venue/" in uri]

    def write(self, folder: Path) -> Path:
        """Write files for the peers: `sources`, `cases` and `isolated` as Parquet, and `question.json`."""
        lake, rule = open_lake(str(self.lake)), load_rule(self.rule)
        asked = make_request(lake, rule, self.cases, all_cases=False, depth=self.depth, until=None)
        folder.mkdir(parents=True, exist_ok=True)
        tables = {
            "sources": infectious_intervals(asked.cases, rule, asked.until_us)._asdict(),
            "cases": {"person": np.unique([case.person for case in asked.cases])},
            "isolated": isolation(cases_by_id(lake).values())._asdict(),
        }
        for name, columns in tables.items():
            pq.write_table(pa.table(columns), folder / f"{name}.parquet")
        min_us = round(rule.contact.min_minutes * 60_000_000)
        numbers = {"depth": self.depth, "until_us": asked.until_us, "min_us": min_us}
        (folder / "question.json").write_text(json.dumps(numbers))
        return folder
