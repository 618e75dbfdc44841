"""What `truyvet land` tells: the same names and values on the terminal, as JSON and for Prometheus."""

import json
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipelines import metrics
from pipelines.errors import ServiceError
from pipelines.streaming.batches import Landed
from pipelines.streaming.land_metrics import LandTotals, Narrator, serve
from pipelines.streaming.landing_spool import Segment
from pipelines.streaming.receiver import Received

BATCHES = (
    Landed(
        received=10,
        accepted=7,
        duplicate=1,
        rejected=2,
        unregistered=3,
        late=1,
        reasons={"bad_time": 2},
        ages={"1h": 6, "older": 1},
        scans_version=4,
        stays_version=4,
        seconds=0.25,
    ),
    Landed(received=5, rejected=5, reasons={"bad_time": 1, "malformed": 4}, scans_version=5, stays_version=4),
)


@pytest.fixture
def values():
    totals = LandTotals()
    for landed in BATCHES:
        totals.add(landed)
    received = Received(messages=3, records=15, lag_seconds=0.5, answered=4)
    return totals.values(received, [Segment("/l/a.segment", 100, 0.0), Segment("/l/b.segment", 11, 1.0)])


@pytest.fixture
def samples(values):
    """What Prometheus reads: kind and value by name and label."""
    server = serve(0, lambda: values)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
    return {
        (sample.name, *sample.labels.items()): (family.type, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counters_end_in_total_and_add_up_over_batches(samples):
    assert samples["truyvet_received_total",] == ("counter", 15)
    assert samples["truyvet_accepted_total",] == ("counter", 7)
    assert samples["truyvet_late_total",] == ("counter", 1)
    assert samples["truyvet_landed_total",] == ("counter", 15)
    assert samples["truyvet_messages_total",] == ("counter", 3)


def test_refused_scans_have_their_reason_as_a_label_and_accepted_ones_their_age(samples):
    assert samples["truyvet_rejected_total", ("reason", "bad_time")] == ("counter", 3)
    assert samples["truyvet_rejected_total", ("reason", "malformed")] == ("counter", 4)
    assert samples["truyvet_age_total", ("age", "1h")] == ("counter", 6)


def test_gauges_are_those_of_the_moment(samples):
    assert samples["truyvet_segments",] == ("gauge", 2)
    assert samples["truyvet_segment_bytes",] == ("gauge", 111)
    assert samples["truyvet_scans_version",] == ("gauge", 5)
    assert samples["truyvet_batch_seconds",] == ("gauge", 0)
    assert samples["truyvet_lag_seconds",] == ("gauge", 0.5)


def test_every_name_of_the_tables_is_served_and_no_other(samples):
    names = {f"truyvet_{name}_total" for name in metrics.LAND_COUNTERS}
    assert {name for name, *_ in samples} == names | {f"truyvet_{name}" for name in metrics.LAND_GAUGES}


@pytest.mark.parametrize("port", [70_000, "taken"])
def test_a_port_that_cannot_be_used_is_one_line(values, port):
    server = serve(0, lambda: values)
    try:
        number = server.server_port if port == "taken" else port
        with pytest.raises(ServiceError, match=f"--metrics-port {number} cannot be used: choose another"):
            serve(number, lambda: values)
    finally:
        server.shutdown()
        server.server_close()


def test_json_lines_hold_the_same_values(values, capsys):
    Narrator(as_json=True).tell(values)
    told = json.loads(capsys.readouterr().err)
    assert told.pop("unix_time") > 0
    assert told == values
    assert set(told) == {*metrics.LAND_COUNTERS, *metrics.LAND_GAUGES}


def test_without_a_terminal_only_the_last_line_is_printed(values, capsys):
    narrator = Narrator(as_json=False)
    narrator.tell(values)
    assert capsys.readouterr().err == ""
    narrator.tell(values, last=True)
    line = capsys.readouterr().err
    assert line.startswith(
        "15 scans landed, 7 accepted, 1 duplicate, 7 rejected (bad_time 3, malformed 4), 1 late;"
    )
    assert "2 segments waiting" in line
