"""Write again what follows from the scans and the registry: stays, footfall, contacts and crowds."""

from pipelines.graph.contact_table.materialise import refresh
from pipelines.lake import Lake
from pipelines.windowing.recompute_stays import Recomputed, recompute


def bring_up_to_date(lake: Lake, *, everything: bool = False, runner: str = "direct") -> Recomputed:
    """Write again what newer scans change, stage by stage: stays and footfall, then contacts and crowds.

    Args:
        lake: the lake.
        everything: write all dates again that it holds.
        runner: the name of the Beam runner.

    Raises:
        RefusedError: the stays were made with another version of `stays.toml`,
            and not everything is to be written again.
        DataError: a data file is missing or damaged.
        ServiceError: the lake cannot be written, or other writers leave no gap.
    """
    done = recompute(lake, everything=everything, runner=runner)
    refresh(lake, everything=everything, runner=runner)
    return done
