"""What a window of 15 minutes counts: place, start, entries, exits, people, peak, person-seconds."""

from tests.spec.stay_tables import assert_footfall


def test_a_stay_counts_in_every_window_that_it_touches():
    assert_footfall(
        """
        08:10 An shop in
        08:40 An shop out
        """,
        """
        shop 08:00 1 0 1 1 300
        shop 08:15 0 0 1 1 900
        shop 08:30 0 1 1 1 600
        """,
    )


def test_a_window_with_only_an_exit_has_no_people():
    assert_footfall(
        """
        08:00 An shop in
        08:15 An shop out
        """,
        """
        shop 08:00 1 0 1 1 900
        shop 08:15 0 1 0 0 0
        """,
    )


def test_the_peak_is_of_one_instant_and_people_of_the_whole_window():
    assert_footfall(
        """
        08:00 An shop in
        08:05 An shop out
        08:05 Bình shop in       # as An leaves
        08:12 Bình shop out
        08:06 Chi shop in
        08:07 Chi shop out
        """,
        "shop 08:00 3 3 3 2 780",
    )


def test_one_who_comes_back_counts_once_among_the_people_and_twice_among_the_entries():
    assert_footfall(
        """
        08:00 An shop in
        08:02 An shop out
        08:05 An shop in
        08:06 An shop out
        """,
        "shop 08:00 2 2 1 1 180",
    )


def test_the_second_half_of_a_night_counts_on_the_new_day_without_an_entry():
    assert_footfall(
        """
        23:50-1 An café in
        00:20 An café out
        """,
        """
        café 00:00 0 0 1 1 900
        café 00:15 0 1 1 1 300
        """,
    )


def test_an_exit_at_midnight_is_one_of_the_new_day():
    assert_footfall(
        """
        23:00-1 An café in
        00:00 An café out
        """,
        "café 00:00 0 1 0 0 0",
    )
