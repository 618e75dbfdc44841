"""Links of codes and of files together in a lake: the same in any order of batches, and without repeats."""

import json

from pipelines.drivers.run import run
from pipelines.lake import open_lake, read_table
from pipelines.times import parse_instant
from tests.ingest.validate.test_person_codes import CARD, PERSONAL

NOW_US = parse_instant("2021-07-05T00:00:00Z")
HOLDER = {"seen_at": "2021-07-01T08:00:00+07:00", "source": "personal_qr", "self": True}
LINKS = [
    {"person_a": "cccd:001093029317", "person_b": "phone:0905123456", **HOLDER},
    {"person_a": "cccd:051200000001", "person_b": "phone:0905123456", **HOLDER},
]
SCANS = [
    {"venue": "V", "occurred_at": "2021-07-01T08:00:00+07:00", "person_code": PERSONAL},
    {"venue": "V", "occurred_at": "2021-07-02T08:00:00+07:00", "person_code": PERSONAL},
    {"venue": "V", "occurred_at": "2021-07-01T08:00:00+07:00", "person_code": CARD},
]


def batches(folder, lake, *given):
    """Run batches of (flag, records) one after the other; the last counts of links, None without any."""
    report = None
    for number, (name, records) in enumerate(given):
        path = folder / f"{name}-{number}.ndjson"
        path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
        words = {name: [str(path)]}
        report = run(
            str(folder / lake), **words, keys=str(folder / "keys"), now_us=NOW_US, create=True
        ).others.get("links")
    return report


def links_of(folder, lake):
    return sorted(map(repr, read_table(open_lake(str(folder / lake)), "links").to_pylist()))


def test_links_are_the_same_in_any_order_of_batches_and_each_once(tmp_path):
    parts = [("links", LINKS), ("scans", SCANS[:2]), ("scans", SCANS[1:])]
    expected = None
    for number, order in enumerate((parts, parts[::-1])):
        batches(tmp_path, f"lake{number}", *order)
        found = links_of(tmp_path, f"lake{number}")
        expected = expected or found
        assert found == expected
    # Three pairs of the personal code on two days, the one of the card, and the phone of two cards.
    assert len(expected) == 3 * 2 + 1 + 1


def test_the_report_counts_links_of_codes_and_those_of_shared_phones(tmp_path):
    counts = batches(tmp_path, "lake", ("scans", SCANS))
    assert (counts["received"], counts["from_codes"], counts["shared"]) == (0, 7, 0)
    counts = batches(tmp_path, "lake", ("links", LINKS))
    shown = {name: counts[name] for name in ("received", "accepted", "duplicate", "from_codes", "shared")}
    assert shown == {"received": 2, "accepted": 1, "duplicate": 1, "from_codes": 0, "shared": 3}
