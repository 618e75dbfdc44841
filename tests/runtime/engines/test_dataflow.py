"""Dataflow jobs, built as they would be sent: complete, small, and with stable step names."""

import json
import re
from dataclasses import replace
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient

from pipelines.ingest.batch import settings_for
from pipelines.runtime.engines.config import FOLDER, load_runner
from pipelines.runtime.run_pipeline import beam_runner, pipeline_options
from pipelines.streaming.batches import CommitterConfig
from pipelines.streaming.dataflow_job import ReadAndLand, run_stream
from pipelines.streaming.stream_to_lake import StreamToLake
from tests.lakes import keys_of, new_lake

STEP_NAMES = Path(__file__).with_name("step_names.txt")
"""Step names of the last version. A running stream is updated by step names: a changed name needs a line of
`transform_name_mapping` in the release notes."""

DATAFLOW_TAKES_BYTES = 10 << 20


@pytest.fixture(autouse=True)
def bucket(monkeypatch, tmp_path):
    """A folder in place of the bucket; any use of the network fails the test."""
    folder = tmp_path / "bucket"
    folder.mkdir()

    def stage_file(self, where, name, stream, *_more, **_named):
        (folder / name).write_bytes(stream.read())

    def refused(*_address):
        raise AssertionError("building a job used the network")

    monkeypatch.setattr(DataflowApplicationClient, "stage_file", stage_file)
    # Beam asks the bucket for its soft-delete policy, to warn of the cost.
    monkeypatch.setattr(GoogleCloudOptions, "_warn_if_soft_delete_policy_enabled", lambda *_: None)
    monkeypatch.setattr("socket.socket.connect", refused)
    monkeypatch.setattr("socket.getaddrinfo", refused)
    return folder


@pytest.fixture
def config(tmp_path):
    """The shipped file, filled in."""
    text = (FOLDER / "dataflow.toml").read_text(encoding="utf-8")
    path = tmp_path / "dataflow.toml"
    filled = (
        text.replace("BUCKET", "demo-bucket")
        .replace("PROJECT", "demo-proj")
        .replace("IMAGE", "demo/worker:1")
    )
    path.write_text(f"{filled}no_auth = true\n", encoding="utf-8")
    return load_runner(str(path))


def written(config, build, bucket):
    """Return the job file that Dataflow would receive and the pipeline it names."""
    template = {"template_location": "gs://demo-bucket/templates/job.json"}
    options = pipeline_options(replace(config, beam={**config.beam, **template}))
    pipeline = beam.Pipeline(runner=beam_runner(config), options=options)
    build(pipeline)
    pipeline.run()
    return read_back(bucket / "job.json")


def read_back(template):
    proto = beam_runner_api_pb2.Pipeline()
    proto.ParseFromString(template.with_name("pipeline.pb").read_bytes())
    return json.loads(template.read_text(encoding="utf-8")), proto


_OF_CREATE = re.compile(r"/(FlatMap\(<lambda at core\.py:\d+>\)|Impulse|Map\(decode\))$")
"""Steps inside Beam's own `Create`, which only bounded jobs have."""


def steps(proto):
    """Return the names of all steps, sorted."""
    names = [found.unique_name for found in proto.components.transforms.values() if found.unique_name]
    return sorted(name for name in names if not _OF_CREATE.search(name))


def stream_of(folder):
    lake = new_lake(folder)
    keys = keys_of(lake)
    stream = StreamToLake(CommitterConfig(lake.url, keys), settings_for(keys, 0, 60, 1))
    return ReadAndLand("projects/demo-proj/subscriptions/scans", stream)


def test_every_job_is_built_completely_and_keeps_its_step_names(builds, config, bucket, tmp_path):
    found = {}
    for name, build in builds.items():
        job, proto = written(config, build, bucket)
        assert job["type"] == "JOB_TYPE_BATCH"
        assert proto.ByteSize() < DATAFLOW_TAKES_BYTES / 10
        found[name] = steps(proto)
    template = "gs://demo-bucket/templates/stream.json"
    assert run_stream(config, stream_of(tmp_path / "streamed"), template) is None
    job, proto = read_back(bucket / "stream.json")
    assert job["type"] == "JOB_TYPE_STREAMING"
    found["stream"] = steps(proto)
    text = "".join(f"{kind}: {name}\n" for kind, names in found.items() for name in names)
    assert not re.search(r"lambda|\.py:", text), "a name that changes with a line number"
    (tmp_path / "step_names.txt").write_text(text, encoding="utf-8")
    assert text == STEP_NAMES.read_text(encoding="utf-8"), f"see {tmp_path}/step_names.txt"


def test_workers_run_the_image_of_the_file(builds, config, bucket):
    job, proto = written(config, builds["ingest"], bucket)
    images = [pool["workerHarnessContainerImage"] for pool in job["environment"]["workerPools"]]
    assert images == ["demo/worker:1"]
    assert not any(env.dependencies for env in proto.components.environments.values()), "files are sent along"
