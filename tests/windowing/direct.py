"""The steps of `RecomputeDays` called one after the other, without a runner: many worlds in little time."""

import shutil
import tempfile
from collections import defaultdict
from types import SimpleNamespace
from unittest import mock

from apache_beam.pvalue import TaggedOutput

from pipelines.times import DAY_SECONDS
from pipelines.windowing import recompute_stays as recomputing
from pipelines.windowing.find_changes import FindChanges
from pipelines.windowing.rewrite_days import RewriteDays
from pipelines.windowing.scan_files import compared_together
from pipelines.windowing.split_by_person import FindChangedPersons, SplitByPerson
from pipelines.windowing.transforms import CommitDays, ListDayParts


def without_runner():
    """Within it, `recompute` uses no runner."""
    return mock.patch.object(recomputing, "_attempt", _attempt)


def _attempt(plan, _runner, window_us):
    if not (plan.changed or plan.recounted or plan.is_rebuild):
        return recomputing._only_marks(plan)
    scratch = tempfile.mkdtemp()
    try:
        return _carried_out(plan, scratch, window_us)
    finally:
        shutil.rmtree(scratch)


def _carried_out(plan, scratch, window_us):
    tallies, days = _changes(plan, _buckets(plan, scratch), scratch)
    rewriting = RewriteDays(plan.lake, plan.live, plan.parts, window_us, scratch)
    rewriting.start_bundle()
    rewritten = []
    for date in sorted(days):
        window = SimpleNamespace(start=date * DAY_SECONDS)
        for part in ListDayParts(plan.parts).process((0, days[date]), tallies, window):
            rewritten += rewriting.work(part)
    (result,) = CommitDays(plan, scratch).process(None, rewritten, tallies)
    return result


def _buckets(plan, scratch):
    finding = FindChangedPersons(plan.registries, scratch)
    groups = [] if plan.is_rebuild else compared_together(plan.changed)
    changed = [piece for files in groups for piece in finding.work(files)]
    split = SplitByPerson(plan.registries, plan.buckets, scratch, plan.is_rebuild)
    split.setup()
    buckets = defaultdict(list)
    for file in plan.files:
        for bucket, piece in split.work(file, changed):
            buckets[bucket].append(piece)
    split.teardown()
    return buckets


def _changes(plan, buckets, scratch):
    tallies, days = [], defaultdict(list)
    for date in plan.recounted:
        days[date].append((("venue", 0), None))
    for element in buckets.items():
        finding = FindChanges(plan.rules, plan.unread, plan.buckets, plan.parts, scratch, plan.pair_finder)
        for result in finding.work(element):
            if isinstance(result, TaggedOutput):
                tallies.append(result.value)
            else:
                days[int(result.timestamp) // DAY_SECONDS].append(result.value[1])
    return tallies, days
