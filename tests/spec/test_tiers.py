"""Who is whose contact under which rule, case by case; the notation is explained in `contact_tables.py`.

If not said otherwise An is the case, with symptoms from 11 July 00:00 on and
infectious from two days before.
"""

from tests.lakes import person_token
from tests.spec.contact_tables import assert_traced, lake_of, traced
from tests.spec.stay_tables import lines_of

ANY = "[infectious]\ndays_before_onset = 2\n[contact]\n"
QUARTER = ANY + "min_minutes = 15\n"
CHAIN = ANY + "[chain]\nmax_tier = 3\n"


def test_two_people_who_only_touch_in_the_door_are_not_contacts(tmp_path):
    assert_traced(
        tmp_path,
        ANY,
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 09:00 - 10 10:00    # comes when An goes
        Chi   café 10 07:00 - 10 08:00    # goes when An comes
        Dũng  café 10 08:59:59 - 10 10:00
        Em    shop 10 08:00 - 10 09:00    # elsewhere
        """,
        "1 Dũng 10 08:59 An 0.0166667",
    )


def test_fifteen_minutes_are_enough_and_a_second_less_is_not(tmp_path):
    assert_traced(
        tmp_path,
        QUARTER,
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:45 - 10 10:00
        Chi   café 10 08:45:01 - 10 10:00
        """,
        "1 Bình 10 08:45 An 15",
    )


def test_contacts_that_touch_are_one_at_two_places_too(tmp_path):
    assert_traced(
        tmp_path,
        QUARTER,
        """
        An    café 10 08:00 - 10 08:10
        An    shop 10 08:10 - 10 08:20
        Bình  café 10 08:00 - 10 08:10
        Bình  shop 10 08:10 - 10 08:15
        Chi   café 10 08:00 - 10 08:10
        Chi   shop 10 08:11 - 10 08:20    # a minute apart
        """,
        "1 Bình 10 08:00 An 15",
    )


TWO_MEETINGS = """
    An    café 10 08:00 - 10 08:10
    An    café 11 07:55 - 11 08:10
    Bình  café 10 08:00 - 10 08:10
    Bình  café 11 07:55 - 11 08:10
"""


def test_within_24_hours_what_lies_in_them_is_summed(tmp_path):
    rule = ANY + 'min_minutes = {}\naccumulate = "24h"\n'
    (tmp_path / "15").mkdir()
    (tmp_path / "16").mkdir()
    assert_traced(tmp_path / "15", rule.format(15), TWO_MEETINGS, "1 Bình 10 08:00 An 25")
    assert_traced(tmp_path / "16", rule.format(16), TWO_MEETINGS, "")


def test_over_the_window_everything_is_summed_and_the_first_contact_counts(tmp_path):
    rule = ANY + 'min_minutes = 25\naccumulate = "window"\n'
    assert_traced(tmp_path, rule, TWO_MEETINGS, "1 Bình 10 08:00 An 25")


def test_a_single_contact_that_is_too_short_does_not_begin_the_exposure(tmp_path):
    assert_traced(tmp_path, QUARTER, TWO_MEETINGS, "1 Bình 11 07:55 An 25")


def test_the_window_begins_days_before_the_onset_and_cuts_stays(tmp_path):
    assert_traced(
        tmp_path,
        ANY,
        """
        An    café 8 23:00 - 9 01:00
        Bình  café 8 23:00 - 9 00:00
        Chi   café 8 23:00 - 9 00:10
        """,
        "1 Chi 9 00:00 An 10",
    )


def test_isolation_ends_the_window_in_the_middle_of_a_stay(tmp_path):
    assert_traced(
        tmp_path,
        ANY,
        """
        An    café 10 08:00 - 10 10:00
        Bình  café 10 08:30 - 10 10:00
        Chi   café 10 09:00 - 10 10:00
        """,
        "1 Bình 10 08:30 An 30",
        cases="An 11 00:00 10 09:00",
    )


def test_a_person_with_two_cases_is_isolated_from_the_earlier_isolation_on(tmp_path):
    lake = lake_of(
        tmp_path,
        """
        An    café 10 08:00 - 10 10:00
        Bình  café 10 08:30 - 10 10:00
        Chi   café 10 09:00 - 10 10:00
        """,
        """
        An 11 00:00 10 09:00
        An 12 00:00             # infectious from 10 July 00:00 on, and not isolated by this case
        """,
    )
    assert traced(tmp_path, lake, ANY, case=["BN-1", "BN-2"]) == lines_of("1 Bình 10 08:30 An 30")
    assert traced(tmp_path, lake, ANY, case="BN-2") == lines_of("1 Bình 10 08:30 An 90\n1 Chi 10 09:00 An 60")


def test_who_was_isolated_before_the_window_exposes_nobody(tmp_path):
    stays = "An café 10 08:00 - 10 10:00\nBình café 10 08:00 - 10 10:00"
    assert_traced(tmp_path, ANY, stays, "", cases="An 11 00:00 8 00:00")


def test_what_is_known_ends_with_until(tmp_path):
    stays = "An café 10 08:00 - 10 10:00\nBình café 10 09:00 - 10 10:00"
    lake = lake_of(tmp_path, stays)
    assert traced(tmp_path, lake, ANY, until="2021-07-10T09:20:00Z") == lines_of("1 Bình 10 09:00 An 20")
    assert traced(tmp_path, lake, ANY, until="2021-07-10T09:00:00Z") == []


def test_air_stays_infectious_after_the_case_has_left_and_beyond_isolation(tmp_path):
    assert_traced(
        tmp_path,
        ANY + "indirect_minutes = 30\nmin_minutes = 10\n",
        """
        An    café 10 08:00 - 10 10:00
        Bình  café 10 09:20 - 10 11:00
        Chi   café 10 09:21 - 10 11:00
        """,
        "1 Bình 10 09:20 An 10",
        cases="An 11 00:00 10 09:00",
    )


def test_zones_part_people_and_an_unknown_zone_parts_nobody(tmp_path):
    assert_traced(
        tmp_path,
        ANY + "same_zone = true\n",
        """
        An    café 10 08:00 - 10 09:00 t1
        Bình  café 10 08:00 - 10 09:00 t1
        Chi   café 10 08:00 - 10 09:00 t2
        Dũng  café 10 08:00 - 10 09:00
        """,
        """
        1 Bình 10 08:00 An 60
        1 Dũng 10 08:00 An 60
        """,
    )


def test_places_under_an_override_are_summed_apart(tmp_path):
    assert_traced(
        tmp_path,
        QUARTER + '[[override]]\nvenue_type = "shop"\nmin_minutes = 30\n',
        """
        An    café 10 08:00 - 10 08:10
        An    shop 10 08:10 - 10 09:00
        Bình  café 10 08:00 - 10 08:10
        Bình  shop 10 08:10 - 10 08:35    # 35 minutes in all, and enough of neither
        Chi   shop 10 08:10 - 10 08:40
        Dũng  café 10 07:00 - 10 08:10
        Dũng  shop 10 08:10 - 10 08:40    # by the override alone, and all of the contact is told
        """,
        """
        1 Chi 10 08:10 An 30
        1 Dũng 10 08:10 An 40
        """,
    )


def test_time_runs_forward_along_a_chain(tmp_path):
    assert_traced(
        tmp_path,
        CHAIN,
        """
        An    café   10 08:00 - 10 09:00
        Bình  café   10 08:30 - 10 09:00
        Bình  shop   10 10:00 - 10 11:00
        Chi   shop   10 10:30 - 10 11:00
        Chi   office 10 12:00 - 10 13:00
        Dũng  office 10 12:00 - 10 12:30
        Bình  hall   10 07:00 - 10 08:00    # before An met him
        Em    hall   10 07:00 - 10 08:00
        """,
        """
        1 Bình 10 08:30 An 30
        2 Chi 10 10:30 Bình 30
        3 Dũng 10 12:00 Chi 30
        """,
    )


def test_a_contact_infects_others_from_the_instant_of_exposure_on_in_the_same_stay(tmp_path):
    assert_traced(
        tmp_path,
        CHAIN,
        """
        An    café 10 08:00 - 10 08:30
        Bình  café 10 08:00 - 10 10:00
        Chi   café 10 08:30 - 10 10:00
        """,
        """
        1 Bình 10 08:00 An 30
        2 Chi 10 08:30 Bình 90
        """,
    )


def test_with_a_latency_of_a_day_a_contact_infects_from_the_same_time_tomorrow_on(tmp_path):
    assert_traced(
        tmp_path,
        CHAIN + "latency_hours = 24\n",
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:00 - 10 09:00
        Bình  shop 11 07:00 - 11 08:00
        Chi   shop 11 07:00 - 11 08:00
        Bình  hall 11 07:30 - 11 09:00
        Dũng  hall 11 07:30 - 11 08:20
        """,
        """
        1 Bình 10 08:00 An 60
        2 Dũng 11 08:00 Bình 20
        """,
    )


def test_a_contact_who_is_a_case_infects_until_isolated(tmp_path):
    assert_traced(
        tmp_path,
        CHAIN,
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:00 - 10 09:00
        Bình  shop 10 10:00 - 10 12:00
        Chi   shop 10 10:30 - 10 12:00
        Dũng  shop 10 11:00 - 10 12:00
        """,
        """
        1 Bình 10 08:00 An 60
        2 Chi 10 10:30 Bình 30
        3 Dũng 10 11:00 Chi 60
        """,
        cases="An 11 00:00\nBình 13 00:00 10 11:00",
    )


def test_a_contact_who_is_a_case_twice_infects_until_the_earlier_isolation(tmp_path):
    assert_traced(
        tmp_path,
        CHAIN,
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:00 - 10 09:00
        Bình  shop 10 10:00 - 10 12:00
        Chi   shop 10 10:30 - 10 12:00
        Dũng  shop 10 11:00 - 10 12:00    # infected by Chi alone
        """,
        """
        1 Bình 10 08:00 An 60
        2 Chi 10 10:30 Bình 30
        3 Dũng 10 11:00 Chi 60
        """,
        cases="An 11 00:00\nBình 13 00:00 10 11:00\nBình 14 00:00 12 00:00\nBình 15 00:00",
    )


def test_a_person_met_by_a_case_and_by_its_contact_is_f1(tmp_path):
    assert_traced(
        tmp_path,
        CHAIN,
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:00 - 10 09:00
        Bình  shop 10 10:00 - 10 11:00
        Chi   shop 10 10:00 - 10 11:00
        Chi   hall 10 12:00 - 10 13:00    # from 10:00 on, so that Dũng is found though An met Chi at 14:00
        Dũng  hall 10 12:00 - 10 13:00
        An    hall 10 14:00 - 10 15:00
        Chi   hall 10 14:00 - 10 14:45
        """,
        """
        1 Bình 10 08:00 An 60
        1 Chi 10 14:00 An 45
        3 Dũng 10 12:00 Chi 60
        """,
    )


def test_of_two_infectors_at_one_instant_the_smaller_token_is_named(tmp_path):
    lake = lake_of(
        tmp_path,
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:00 - 10 09:30
        Chi   café 10 08:30 - 10 10:00
        """,
        "An 11 00:00\nBình 11 00:00",
    )
    ((_, name, *_, via, minutes),) = traced(tmp_path, lake, ANY, case=["BN-1", "BN-2"])
    smaller = min(("An", "Bình"), key=lambda person: person_token(lake, person))
    assert (name, via, minutes) == ("Chi", smaller, {"An": "30", "Bình": "60"}[smaller])


def test_a_person_is_never_his_own_contact_and_cases_asked_for_are_nobodys(tmp_path):
    lake = lake_of(
        tmp_path,
        """
        An    café 10 08:00 - 10 09:00
        An    café 10 08:30 - 10 09:30
        Bình  café 10 08:00 - 10 09:00
        """,
        "An 11 00:00\nBình 11 00:00",
    )
    assert traced(tmp_path, lake, ANY, case="BN-1") == lines_of("1 Bình 10 08:00 An 60")
    assert traced(tmp_path, lake, ANY, case=["BN-1", "BN-2"]) == []
