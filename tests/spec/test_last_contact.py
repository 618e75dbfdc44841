"""When somebody who was exposed met an infector last: the instant that follow-up counts from.

The notation is explained in `contact_tables.py`; a row here is `person day time`.
"""

from tests.lakes import person_token
from tests.spec.contact_tables import lake_of, last_contacts
from tests.spec.stay_tables import lines_of

ANY = "[infectious]\ndays_before_onset = 2\n[contact]\n"
QUARTER = ANY + "min_minutes = 15\n"
CHAIN = QUARTER + "[chain]\nmax_tier = 3\n"


def assert_last_contacts(folder, tables, stays, rows, *, cases="An 11 00:00", **question):
    found = last_contacts(folder, lake_of(folder, stays, cases), tables, **question)
    assert sorted(found) == sorted(lines_of(rows))


def test_a_contact_too_short_to_expose_is_the_last_one_all_the_same(tmp_path):
    assert_last_contacts(
        tmp_path,
        QUARTER,
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:30 - 10 10:00
        An    shop 10 14:00 - 10 15:00
        Bình  shop 10 13:00 - 10 14:05
        Chi   shop 10 13:00 - 10 14:05    # short, and never exposed: no row
        """,
        "Bình 10 14:05",
    )


def test_a_contact_with_another_case_counts_though_it_exposes_nobody(tmp_path):
    assert_last_contacts(
        tmp_path,
        QUARTER,
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:30 - 10 10:00
        Chi   shop 10 18:00 - 10 19:00
        Bình  shop 10 18:50 - 10 20:00
        """,
        "Bình 10 19:00",
        cases="An 11 00:00\nChi 11 00:00",
        case=["BN-1", "BN-2"],
    )


def test_a_contact_that_outlasts_the_infectious_window_ends_with_it(tmp_path):
    stays = """
        An    café 10 08:00 - 10 10:00
        Bình  café 10 08:30 - 10 10:00
        An    shop 10 14:00 - 10 15:00    # isolated by then
        Bình  shop 10 14:00 - 10 15:00
        """
    (tmp_path / "isolated").mkdir()
    (tmp_path / "until").mkdir()
    assert_last_contacts(tmp_path / "isolated", ANY, stays, "Bình 10 09:10", cases="An 11 00:00 10 09:10")
    until = "2021-07-10T09:20:00Z"
    assert_last_contacts(tmp_path / "until", ANY, stays, "Bình 10 09:20", until=until)


def test_indirect_contact_counts_up_to_where_it_ends(tmp_path):
    assert_last_contacts(
        tmp_path,
        ANY + "indirect_minutes = 30\n",
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:00 - 10 09:20    # leaves before the air is clean
        Chi   café 10 08:30 - 10 11:00
        Dũng  café 10 09:29 - 10 11:00    # never met An
        """,
        """
        Bình 10 09:20
        Chi 10 09:30
        Dũng 10 09:30
        """,
    )


def test_a_contact_in_another_zone_is_none(tmp_path):
    assert_last_contacts(
        tmp_path,
        ANY + "same_zone = true\n",
        """
        An    café 10 08:00 - 10 09:00 t1
        Bình  café 10 08:00 - 10 08:30 t1
        Bình  café 10 08:40 - 10 08:50 t2
        Chi   café 10 08:00 - 10 08:30 t1
        Chi   café 10 08:40 - 10 08:50    # unknown, so it may have been at t1
        """,
        """
        Bình 10 08:30
        Chi 10 08:50
        """,
    )


def test_venues_under_an_override_count_as_well(tmp_path):
    assert_last_contacts(
        tmp_path,
        QUARTER + '[[override]]\nvenue_type = "shop"\nmin_minutes = 60\n',
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:00 - 10 09:00
        An    shop 10 12:00 - 10 13:00
        Bình  shop 10 12:00 - 10 12:20
        """,
        "Bình 10 12:20",
    )


def test_of_the_second_tier_contacts_with_the_first_count_and_with_the_case_do_not(tmp_path):
    assert_last_contacts(
        tmp_path,
        CHAIN,
        """
        An    café 10 08:00 - 10 09:00
        Bình  café 10 08:30 - 10 09:00
        Bình  shop 10 10:00 - 10 11:00
        Chi   shop 10 10:30 - 10 11:30
        An    hall 10 14:00 - 10 15:00
        Chi   hall 10 14:00 - 10 14:05    # too short to be F1
        Bình  hall 10 07:00 - 10 07:30    # before Bình was exposed
        """,
        """
        Bình 10 09:00
        Chi 10 11:00
        """,
    )


def test_of_the_third_tier_contacts_count_with_those_who_were_found_again_at_the_second(tmp_path):
    assert_last_contacts(
        tmp_path,
        CHAIN,
        """
        An    café   10 08:00 - 10 09:00
        Bình  café   10 08:00 - 10 09:00
        Bình  shop   10 10:00 - 10 11:00
        Chi   shop   10 10:00 - 10 11:00
        Chi   hall   10 12:00 - 10 13:00    # found again, from 10:00 on: passes infection on at hop 3
        Dũng  hall   10 12:00 - 10 13:00
        Chi   office 10 18:00 - 10 18:30
        Dũng  office 10 18:00 - 10 18:05    # short, with one who passes it on
        Bình  office 10 20:00 - 10 20:05
        Dũng  office 10 20:00 - 10 20:05    # short, with F1 who passed it on one hop before
        An    hall   10 14:00 - 10 15:00    # Chi is F1 by this contact
        Chi   hall   10 14:00 - 10 14:45
        """,
        """
        Bình 10 09:00
        Chi 10 14:45
        Dũng 10 18:05
        """,
    )


def test_the_contact_with_the_infector_who_is_named_may_have_ended_earlier(tmp_path):
    lake = lake_of(
        tmp_path,
        """
        An    café 10 08:00 - 10 08:30
        Bình  café 10 08:00 - 10 09:00
        Chi   café 10 08:00 - 10 09:00
        """,
        "An 11 00:00\nBình 11 00:00",
    )
    assert person_token(lake, "An") != person_token(lake, "Bình")
    assert last_contacts(tmp_path, lake, ANY, case=["BN-1", "BN-2"]) == lines_of("Chi 10 09:00")
