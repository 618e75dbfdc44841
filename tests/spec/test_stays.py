"""How scans become stays, case by case; the notation is explained in `stay_tables.py`.

A shop has a dwell of 30 minutes and a longest stay of 12 hours, an office of
4 and 16, a café of 1 and 8, a home of 8 and 16, a temple of 2 and 8 hours.
"""

from dataclasses import replace

from schemas.stay_rules import load_stay_rules
from tests.spec.stay_tables import assert_stays


def test_in_and_out_make_a_stay():
    assert_stays(
        """
        08:00 An office in
        16:30 An office out
        """,
        "An office 08:00 - 16:30 in/out",
    )


def test_a_visitor_who_never_scans_out_stays_for_the_dwell_of_the_place():
    assert_stays(
        """
        08:00 An shop in
        08:00 Bình temple ?
        """,
        """
        An shop 08:00 - 08:30 in/dwell
        Bình temple 08:00 - 10:00 in/dwell
        """,
    )


def test_a_person_who_scans_elsewhere_has_left():
    assert_stays(
        """
        08:00 An café in
        08:20 An shop in
        """,
        """
        An café 08:00 - 08:20 in/left
        An shop 08:20 - 08:50 in/dwell
        """,
    )


def test_a_scan_elsewhere_exactly_when_the_dwell_ends_shortens_nothing():
    assert_stays(
        """
        08:00 An shop in
        08:30 An café in
        09:00 Bình shop in
        09:29:59.999999 Bình café in
        """,
        """
        An shop 08:00 - 08:30 in/dwell
        An café 08:30 - 09:30 in/dwell
        Bình shop 09:00 - 09:29:59.999999 in/left
        Bình café 09:29:59.999999 - 10:29:59.999999 in/dwell
        """,
    )


def test_a_scan_in_a_shop_inside_a_mall_ends_neither_stay_when_both_are_scanned_out():
    assert_stays(
        """
        08:00 An market in
        08:10 An shop in
        08:40 An shop out
        09:00 An market out
        """,
        """
        An market 08:00 - 09:00 in/out
        An shop 08:10 - 08:40 in/out
        """,
    )


def test_scans_at_one_place_within_the_dwell_are_one_stay():
    assert_stays(
        """
        08:00 An shop in
        08:30 An shop in      # exactly the dwell
        08:59 An shop ?
        """,
        "An shop 08:00 - 09:29 in/dwell",
    )


def test_a_scan_later_than_the_dwell_begins_a_new_stay():
    assert_stays(
        """
        08:00 An shop in
        08:30:00.000001 An shop in
        """,
        """
        An shop 08:00 - 08:30 in/dwell
        An shop 08:30:00.000001 - 09:00:00.000001 in/dwell
        """,
    )


def test_a_scan_elsewhere_between_two_scans_does_not_part_a_stay():
    assert_stays(
        """
        08:00 An café in
        08:20 An shop in
        08:40 An café in
        """,
        """
        An café 08:00 - 09:40 in/dwell
        An shop 08:20 - 08:40 in/left
        """,
    )


def test_an_out_closes_what_began_up_to_the_longest_stay_before():
    assert_stays(
        """
        08:00 An café in
        16:00 An café out     # exactly 8 hours
        """,
        "An café 08:00 - 16:00 in/out",
    )


def test_an_out_later_than_the_longest_stay_stands_alone():
    assert_stays(
        """
        08:00 An café in
        16:00:00.000001 An café out
        """,
        """
        An café 08:00 - 09:00 in/dwell
        An café 15:00:00.000001 - 16:00:00.000001 ?/out
        """,
    )


def test_a_lone_out_is_given_the_dwell_before_it():
    assert_stays("09:00 An temple out", "An temple 07:00 - 09:00 ?/out")


def test_a_lone_out_begins_no_earlier_than_the_last_scan_elsewhere():
    assert_stays(
        """
        08:40 An shop out
        09:00 An temple out
        09:00 Bình shop in
        09:00 Bình temple out    # the same instant counts
        """,
        """
        An shop 08:10 - 08:40 ?/out
        An temple 08:40 - 09:00 ?/out
        Bình shop 09:00 - 09:00:01 in/left
        Bình temple 09:00 - 09:00:01 ?/out
        """,
    )


def test_a_lone_out_begins_no_earlier_than_the_last_scan_at_the_place():
    assert_stays(
        """
        08:00 An temple in
        08:30 An temple out
        09:00 An temple out
        """,
        """
        An temple 08:00 - 08:30 in/out
        An temple 08:30 - 09:00 ?/out
        """,
    )


def test_an_out_that_an_in_follows_within_a_minute_is_one_arrival_read_twice():
    assert_stays(
        """
        20:00 An office out       # two antennas, one arrival
        20:00 An office in
        20:00 Bình office out
        20:01 Bình office in      # exactly a minute
        20:00 Chi office out
        20:01:00.000001 Chi office in
        """,
        """
        An office 20:00 - 00:00+1 in/dwell
        Bình office 20:01 - 00:01+1 in/dwell
        Chi office 16:00 - 20:00 ?/out
        Chi office 20:01:00.000001 - 00:01:00.000001+1 in/dwell
        """,
    )


def test_only_an_in_says_that_the_out_was_an_arrival():
    assert_stays(
        """
        20:00 An office out
        20:00 An office ?
        20:00 Bình office out
        20:00:10 Bình office out
        20:00:20 Bình office in    # of the second alone
        """,
        """
        An office 16:00 - 20:00 ?/out
        An office 20:00 - 00:00+1 in/dwell
        Bình office 16:00 - 20:00 ?/out
        Bình office 20:00:20 - 00:00:20+1 in/dwell
        """,
    )


def test_an_out_that_closes_a_stay_closes_it_whatever_follows():
    assert_stays(
        """
        08:00 An shop in
        08:20 An shop out
        08:20:30 An shop in
        08:20:40 An shop out
        """,
        """
        An shop 08:00 - 08:20 in/out
        An shop 08:20:30 - 08:20:40 in/out
        """,
    )


def test_an_arrival_read_twice_is_a_scan_elsewhere_for_other_places():
    assert_stays(
        """
        19:50 An café in
        20:00 An office out
        20:00:30 An office in
        20:10 An temple out
        """,
        """
        An café 19:50 - 20:00 in/left
        An office 20:00:30 - 20:10 in/left
        An temple 20:00:30 - 20:10 ?/out
        """,
    )


def test_another_bounce_joins_what_lies_within_it():
    assert_stays(
        """
        20:00 An office out
        20:02 An office in
        """,
        "An office 20:02 - 00:02+1 in/dwell",
        replace(load_stay_rules(), bounce_us=120_000_000),
    )


def test_of_an_instant_the_out_comes_first_so_that_a_re_entry_is_a_new_stay():
    assert_stays(
        """
        08:00 An shop in
        08:20 An shop in
        08:20 An shop out
        """,
        """
        An shop 08:00 - 08:20 in/out
        An shop 08:20 - 08:50 in/dwell
        """,
    )


def test_two_places_at_one_instant_end_one_another_after_a_second():
    assert_stays(
        """
        08:00 An shop in
        08:00 An café in
        """,
        """
        An shop 08:00 - 08:00:01 in/left
        An café 08:00 - 08:00:01 in/left
        """,
    )


def test_no_stay_is_shorter_than_a_second():
    assert_stays(
        """
        08:00:00 An shop in
        08:00:00.4 An shop out
        """,
        "An shop 08:00 - 08:00:01 in/out",
    )


def test_the_zone_is_the_only_one_that_the_scans_name():
    assert_stays(
        """
        08:00 An shop in
        08:10 An shop in T1
        08:20 An shop out T1
        08:00 Bình shop in T1
        08:20 Bình shop out T2
        08:00 Chi shop in
        """,
        """
        An shop 08:00 - 08:20 in/out T1
        Bình shop 08:00 - 08:20 in/out
        Chi shop 08:00 - 08:30 in/dwell
        """,
    )


def test_a_night_at_home_is_one_stay_over_midnight():
    assert_stays(
        """
        22:00 An home in
        06:30+1 An home out
        """,
        "An home 22:00 - 06:30+1 in/out",
    )


def test_a_lone_out_after_midnight_belongs_to_the_day_before():
    assert_stays("00:20 An café out", "An café 23:20-1 - 00:20 ?/out")


def test_a_chain_of_scans_goes_on_over_several_midnights():
    assert_stays(
        """
        20:00 An home in
        03:00+1 An home ?
        11:00+1 An home ?
        19:00+1 An home ?
        03:00+2 An home ?
        10:00+2 An home out
        """,
        "An home 20:00 - 10:00+2 in/out",
    )


def test_the_scans_of_one_person_are_nothing_to_another():
    assert_stays(
        """
        08:00 An shop in
        08:10 Bình shop out
        08:15 Bình café in
        """,
        """
        An shop 08:00 - 08:30 in/dwell
        Bình shop 07:40 - 08:10 ?/out
        Bình café 08:15 - 09:15 in/dwell
        """,
    )


def test_two_stays_at_one_place_may_overlap_where_the_longest_stay_is_short():
    rules = load_stay_rules()
    assert_stays(
        """
        08:00 An shop in
        08:31 An shop out      # later than a longest stay of 30 minutes
        """,
        """
        An shop 08:00 - 08:30 in/dwell
        An shop 08:01 - 08:31 ?/out
        """,
        replace(rules, max_stay_us=rules.dwell_us),
    )
