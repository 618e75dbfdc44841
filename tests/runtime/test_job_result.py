"""The typed results of jobs survive their way through a file."""

import apache_beam as beam
import pytest

from pipelines.graph.contact_table.transforms import ContactsResult
from pipelines.ingest.ingest_result import IngestResult
from pipelines.runtime.job_result import JobResult, run_job, write_result
from pipelines.windowing.recompute_result import RecomputeResult

RESULTS = [
    JobResult(conflict=True),
    IngestResult(received=3, accepted=1, rejected=2, reasons={"bad_time": 2}, scans_version=7),
    IngestResult(conflict=True, landed=["encounters"], others={"encounters": {"accepted": 1}}),
    RecomputeResult(persons=2, added=3, dates=[18_800, 18_801]),
    ContactsResult(contacts=5),
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_a_result_is_read_as_it_was_written(result, tmp_path):
    def build(pipeline):
        return pipeline | beam.Create([str(tmp_path)]) | beam.Map(write_result, result)

    assert run_job(build, str(tmp_path), "direct", type(result)) == result


@pytest.mark.parametrize(
    ("result", "is_final"),
    [
        (IngestResult(accepted=1, scans_version=3), True),
        (IngestResult(conflict=True), False),
        (RecomputeResult(added=1), True),
        (RecomputeResult(doubtful=1), False),
        (ContactsResult(conflict=True), False),
    ],
)
def test_a_conflict_or_a_doubt_means_that_the_job_is_run_again(result, is_final):
    assert result.is_final is is_final
