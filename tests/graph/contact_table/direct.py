"""The steps of `WriteDates` called one after the other, without a runner: many worlds in little time."""

import shutil
import tempfile
from unittest import mock

from pipelines.graph.contact_table import materialise as materialising
from pipelines.graph.contact_table.transforms import CommitDates, date_parts
from pipelines.graph.contact_table.write_dates import WriteContacts, WriteCrowds


def without_runner():
    """Within it, `materialise` and `refresh` use no runner."""
    return mock.patch.object(materialising, "carry_out", _carried_out)


def _carried_out(plan, _runner):
    if not plan.dates:
        return materialising._only_marks(plan)
    scratch = tempfile.mkdtemp()
    try:
        writing = WriteContacts(plan.lake, plan.stays, plan.footfall, plan.limits, plan.sizes.rows, scratch)
        writing.start_bundle()
        contacts = [written for part in date_parts(plan) for written in writing.work(part)]
        counting = WriteCrowds(plan.lake, plan.footfall, plan.limits.cap, scratch)
        counting.start_bundle()
        crowds = [written for date in plan.dates for written in counting.work(date)]
        (result,) = CommitDates(plan, scratch).process(None, contacts, crowds)
        return result
    finally:
        shutil.rmtree(scratch)
