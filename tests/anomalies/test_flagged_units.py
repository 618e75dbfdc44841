"""Which stays the scans of flagged devices belong to."""

import numpy as np

from pipelines.anomalies.flag_definitions import FLAGS, STAY, VENUE
from pipelines.anomalies.flagged_units import entries_of, together
from pipelines.registry.venue_names import places
from tests.lakes import new_lake, put_scans, put_stays, put_venues

BURST = 1 << FLAGS.index("burst")


def test_a_flag_of_a_device_stands_behind_the_stays_it_scanned_and_no_other(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code | type\nhall | school\nshop | shop")
    crowd = [f"c{one} | hall | 10 08:00:{one % 60:02} | guard | r" for one in range(90)]
    put_scans(
        lake,
        "\n".join(
            [
                "person | venue | occurred_at | scan_mode | scanner",
                *crowd,
                "an | hall | 10 08:00:30 | guard | r",
                "an | shop | 10 12:00 | self |",
            ]
        ),
    )
    put_stays(
        lake,
        """
        person | venue | enter       | exit
        an     | hall  | 10 08:00:30 | 10 09:00
        an     | hall  | 10 10:00    | 10 11:00
        an     | shop  | 10 12:00    | 10 12:30
        c5     | hall  | 10 07:30    | 10 08:00:05
        """,
    )
    kind, ids, bits = entries_of(lake)
    stays = ids[kind == STAY]
    assert stays.tolist() == sorted(stays.tolist())
    assert set(bits[kind == STAY].tolist()) == {BURST}
    assert stays.size == 2  # that of an which the scan lies in, and that of c5 which ends with it
    assert not places(lake).codes(ids[kind == VENUE]).to_pylist().count("shop")


def test_bits_of_one_id_are_joined():
    ids, bits = together(np.array([3, 1, 3]), np.array([1, 2, 4]))
    assert (ids.tolist(), bits.tolist()) == ([1, 3], [2, 5])
    assert together(np.empty(0, np.int64), np.empty(0, np.int64))[0].size == 0


def test_an_empty_lake_flags_nobody(tmp_path):
    assert [values.size for values in entries_of(new_lake(tmp_path))] == [0, 0, 0]
