"""Lakes that the pipelines made: they obey every law, compacted or not, and compaction changes nothing."""

import tempfile
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines.lake import mark, snapshot
from pipelines.maintenance.compact import compact
from pipelines.maintenance.verify import verify
from pipelines.windowing.recompute_stays import recompute
from tests.windowing import lakes, worlds


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])  # too slow to shrink
@given(worlds.scans(most=16), st.integers(1, 3), st.data())
def test_a_lake_obeys_every_law_after_every_batch_and_compaction(scans, batches, data):
    with tempfile.TemporaryDirectory() as folder:
        lake = lakes.new_lake(Path(folder))
        lakes.set_venues(lake, dict(enumerate(worlds.KINDS)))
        for batch in range(batches):
            lakes.add_scans(lake, scans[batch::batches])
            recompute(lake, rules=worlds.RULES)
            assert verify(lake).problems == ()
            if data.draw(st.booleans()):
                stays = lakes.files_of(lake, "stays")
                compact(lake, keep_seconds=data.draw(st.sampled_from([0, 86_400])))
                assert verify(lake).problems == ()
                assert mark(lake, "stays", "scans_version") == snapshot(lake, "scans").version
                recompute(lake, rules=worlds.RULES)
                assert lakes.files_of(lake, "stays") == stays
        compacted = {name: lakes.files_of(lake, name) for name in ("stays", "footfall")}
        recompute(lake, rules=worlds.RULES, everything=True)
        assert {name: lakes.files_of(lake, name) for name in compacted} == compacted
