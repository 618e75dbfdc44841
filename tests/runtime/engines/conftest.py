"""A small province and its lake by the direct runner, which every other engine must equal."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pipelines.drivers.run import run
from pipelines.graph.contact_table import materialise as materialising
from pipelines.lake import open_lake, snapshot
from pipelines.runtime import run_pipeline
from pipelines.runtime.job_metrics import collect_metrics
from pipelines.simulate import simulate
from pipelines.times import DAY_US, parse_instant


@dataclass(frozen=True)
class Province:
    """Simulated files, when they are received, and their lake by the direct runner."""

    folder: Path
    now_us: int
    late_us: int
    keys: Path
    lake: str

    def land(self, lake, runner):
        """Run the first batch, with all kinds of input, and then late scans; return both reports."""
        first = run(
            lake,
            [str(self.folder / "scans")],
            venues=[str(self.folder / "venues.csv")],
            cases=[str(self.folder / "cases.csv")],
            encounters=[str(self.folder / "encounters.ndjson")],
            declarations=[str(self.folder / "declarations.csv")],
            keys=str(self.keys),
            now_us=self.now_us,
            runner=runner,
        )
        late = run(lake, [str(self.folder / "late")], keys=str(self.keys), now_us=self.late_us, runner=runner)
        # Notes name the lake, which is another one each time.
        return replace(first, notes=()), replace(late, notes=())


@pytest.fixture(scope="session")
def province(tmp_path_factory):
    """A province whose lake and reports by the direct runner are known."""
    folder = tmp_path_factory.mktemp("province")
    made = simulate(folder / "files", people=250, venues=25, days=3, seed=11)
    now_us = parse_instant(made["now"])
    late_us = now_us + 14 * 86_400_000_000
    found = Province(folder / "files", now_us, late_us, folder / "keys", str(folder / "direct"))
    yield found
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def direct(province, tmp_path_factory):
    """The direct runner's reports and metrics for `province.lake`, and the functions that built its jobs."""
    builds = []
    run_to_end = run_pipeline.run_to_end

    def recording(build, runner="direct"):
        builds.append(build)
        return run_to_end(build, runner)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_pipeline, "run_to_end", recording)
        with collect_metrics() as found:
            reports = province.land(province.lake, "direct")
        copy = str(tmp_path_factory.mktemp("copy") / "lake")
        shutil.copytree(province.lake, copy)
        lake = open_lake(copy)
        materialising.materialise(lake, [snapshot(lake, "stays").files[0].stats.least["enter"] // DAY_US])
    names = ("ingest", "rebuild", "ingest again", "recompute", "contacts")
    return reports, found, dict(zip(names, builds, strict=True))


@pytest.fixture(scope="session")
def by_direct(direct):
    """The direct runner's reports."""
    return direct[0]


@pytest.fixture(scope="session")
def metrics_by_direct(direct):
    """The direct runner's metrics of both batches."""
    return direct[1]


@pytest.fixture(scope="session")
def builds(direct):
    """The functions that build each kind of bounded job, by name."""
    return direct[2]
