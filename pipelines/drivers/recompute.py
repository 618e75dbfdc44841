"""Recompute what follows from what was received: humans, stays, footfall, contacts, crowds, point days."""

from pathlib import Path

from pipelines.ascertainment.point_days.refresh import refresh_point_days
from pipelines.graph.contact_table.materialise import refresh
from pipelines.lake import Lake
from pipelines.lake.writer_lock import writing_with_others
from pipelines.linkage.write_humans import refresh_humans
from pipelines.windowing.lake_stay_rules import store_stay_rules
from pipelines.windowing.recompute_stays import Recomputed, recompute


def bring_up_to_date(
    lake: Lake,
    *,
    everything: bool = False,
    stays_file: Path | None = None,
    point_days: bool = False,
    runner: str = "direct",
) -> Recomputed:
    """Recompute what newer records change, stage by stage: humans, stays and footfall, contacts and crowds.

    Args:
        lake: the lake.
        everything: rewrite every date of the lake.
        stays_file: durations that become the lake's own, whereupon everything is rewritten.
        point_days: make the table `point_days`, which later batches keep up to date.
        runner: the name of the Beam runner.

    Raises:
        UsageError: the file of durations breaks a rule; nothing is changed.
        RefusedError: the stays were made with other durations, and not everything is to be rewritten,
            or the lake has been rotated since it was opened.
        DataError: a data file is missing or damaged.
        ServiceError: the lake cannot be written, or other writers keep committing.
    """
    with writing_with_others(lake):
        if stays_file is not None:
            store_stay_rules(lake, stays_file)
            everything = True  # other durations may change every stay
        # Contacts and crowds come after the stays that they are made from.
        refresh_humans(lake, everything=everything)
        done = recompute(lake, everything=everything, runner=runner)
        refresh(lake, everything=everything, runner=runner)
        refresh_point_days(lake, begin=point_days, everything=everything, runner=runner)
        return done
