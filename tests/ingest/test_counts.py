import pytest

from pipelines.ingest.counts import Counts


def test_a_record_that_is_lost_or_counted_twice_breaks_the_conservation():
    Counts.of(received=4, accepted=2, duplicate=1, reasons=[("bad_time", 1)])
    with pytest.raises(AssertionError, match="received 4 records, accounted for 3"):
        Counts.of(received=4, accepted=2, duplicate=1, reasons=[])
    with pytest.raises(AssertionError, match="received 2 records, accounted for 3"):
        Counts(received=2, accepted=2, duplicate=1, rejected=0, reasons={})


def test_reasons_are_added_up_in_the_order_of_their_checks():
    counts = Counts.of(5, 0, 0, [("too_old", 1), ("malformed", 2), ("too_old", 2)])
    assert list(counts.reasons.items()) == [("malformed", 2), ("too_old", 3)]
    assert counts.rejected == 5
    assert Counts.from_report(counts.report() | {"unregistered": 3}) == counts
