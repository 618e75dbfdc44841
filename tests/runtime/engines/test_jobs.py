"""What a job's description holds, and how a lake fares when a runner repeats steps."""

import base64
import bz2
import re
from dataclasses import replace

import apache_beam as beam
import numpy as np
import pytest

from pipelines.graph.contact_table.materialise import materialise
from pipelines.ingest.transforms import CommitBatch
from pipelines.lake import open_lake, snapshot
from pipelines.privacy.keys import load_keys
from pipelines.registry.registry import Registry
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.windowing import recompute_stays as recomputing
from pipelines.windowing.transforms import CommitDays
from tests.runtime.engines.same import differences

_PACKED = re.compile(rb"QlpoO[A-Za-z0-9+/]+=*")
"""How Beam writes a pickled step: bzip2 in base64, whose first bytes never change."""


def described(build):
    """Return the description of a job, and all pickles in it, decompressed."""
    pipeline = beam.Pipeline()
    build(pipeline)
    text = pipeline.to_runner_api().SerializeToString()
    return text, b"".join(bz2.decompress(base64.b64decode(found)) for found in _PACKED.findall(text))


def test_no_key_and_no_identifier_is_in_the_description_of_a_job(province, builds):
    parts = [described(build) for build in builds.values()]
    text, pickles = (b"".join(part) for part in zip(*parts, strict=True))
    assert province.lake.encode() in pickles, "the pickles were not decompressed"
    assert str(province.keys).encode() in pickles
    keys = load_keys(province.keys)
    secrets = [keys.token_key, keys.event_key, keys.digest_key]
    secrets += [key.hex().encode() for key in secrets]
    cases = (province.folder / "cases.csv").read_text(encoding="utf-8").splitlines()
    persons = [line.split(",")[1].rpartition(":")[2].encode() for line in cases[1:]]
    assert all(len(person) > 5 for person in persons)
    for secret in (*secrets, *persons):
        assert secret not in text
        assert secret not in pickles


def test_the_description_of_a_job_stays_small_with_the_registry_of_a_country(tmp_path):
    """3.7 million venues are 67 MB of columns; Dataflow takes 10 MB in all."""
    rng = np.random.default_rng(1)
    venue = np.sort(rng.integers(-(2**63), 2**63 - 1, 3_700_000))
    registry = Registry(venue, np.zeros(venue.size, np.int16), np.zeros(venue.size, np.int64))
    left = registry.store_in(str(tmp_path))
    assert len(beam.internal.pickler.dumps(left)) < 1_000
    loaded = beam.internal.pickler.loads(beam.internal.pickler.dumps(left))
    assert loaded.venue.size == venue.size


@pytest.fixture
def everything_twice(monkeypatch, request):
    """Run every bundle twice and use the results of the attempt that the test names."""
    counts = request.param
    process, finish = ThreadedDoFn.process, ThreadedDoFn.finish_bundle

    def process_recorded(self, element, *sides):
        vars(self).setdefault("_recorded", []).append((element, *sides))
        process(self, element, *sides)

    def finish_twice(self):
        recorded = vars(self).pop("_recorded", [])
        attempts = [list(finish(self))]
        self.start_bundle()
        for element in recorded:
            process(self, *element)
        attempts.append(list(finish(self)))
        yield from attempts[counts]

    def both(commit):
        def twice(self, *element):
            yield from [list(commit(self, *element)), list(commit(self, *element))][counts]

        return twice

    monkeypatch.setattr(ThreadedDoFn, "process", process_recorded)
    monkeypatch.setattr(ThreadedDoFn, "finish_bundle", finish_twice)
    for step in (CommitBatch, CommitDays):
        monkeypatch.setattr(step, "process", both(step.process))


@pytest.mark.parametrize("everything_twice", [0, 1], indirect=True, ids=["the first", "the second"])
def test_a_runner_that_runs_every_step_twice_makes_the_same_lake(
    province, by_direct, everything_twice, tmp_path
):
    lake = str(tmp_path / "lake")
    reports = province.land(lake, "direct")
    assert reports == by_direct
    assert differences(lake, province.lake) == []
    done = recomputing.recompute(open_lake(lake), everything=True)
    rows = sum(file.rows for file in snapshot(open_lake(lake), "stays").files)
    assert (done.conflicted_commits, 2 * done.stays_added) == (0, rows)


def test_a_commit_of_contacts_that_runs_twice_is_made_once(province, by_direct, tmp_path):
    from pipelines.graph.contact_table.transforms import CommitDates

    lake = open_lake(str(tmp_path / "lake"), province.keys, create=True)
    province.land(lake.url, "direct")
    whole = CommitDates.process

    def twice(self, *element):
        list(whole(self, *element))
        yield from whole(self, *element)

    date = int(snapshot(lake, "stays").files[0].stats.least["enter"] // 86_400_000_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CommitDates, "process", twice)
        done = materialise(lake, [date])
    assert done.contacts == sum(file.rows for file in snapshot(lake, "contacts").files)
    assert snapshot(lake, "contacts").version == 0


def test_the_comparison_of_lakes_finds_a_different_row(province, by_direct, tmp_path):
    lake = str(tmp_path / "lake")
    replace(province, now_us=province.now_us - 3 * 86_400_000_000).land(lake, "direct")
    assert differences(lake, province.lake) != []
