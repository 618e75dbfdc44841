"""A part of a long table, and URLs of cases with any number."""

import pyarrow as pa
import pytest

from pipelines.web.case_urls import CaseConverter, case_url
from pipelines.web.table_view import PAGE_ROWS, page_of, sort_link, sorted_rows

ROWS = pa.table({"no": range(10_000), "score": [number % 7 for number in range(10_000)]})


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ("", 1),
        ("1", 1),
        ("3", 3),
        ("200", 200),
        ("999", 200),
        ("0", 1),
        ("-1", 1),
        ("x", 1),
        ("9" * 40, 1),
        ("²", 1),
    ],
)
def test_a_page_is_a_slice_whatever_is_asked_for(asked, number):
    shown, pager = page_of(ROWS, asked, "/cases", {})
    first = (number - 1) * PAGE_ROWS
    assert (pager.number, pager.pages, pager.first, pager.last) == (number, 200, first + 1, first + PAGE_ROWS)
    assert shown["no"].to_pylist() == list(range(first, first + PAGE_ROWS))


def test_a_table_without_rows_is_one_page():
    shown, pager = page_of(ROWS.slice(0, 0), "5", "/cases", {})
    assert (shown.num_rows, pager.pages, pager.first, pager.last) == (0, 1, 0, 0)


def test_equals_keep_their_order_in_both_directions_and_other_columns_do_not_sort():
    up, down = (sorted_rows(ROWS, sort, ("score",)) for sort in ("score", "-score"))
    assert up["no"].to_pylist()[:3] == [0, 7, 14]
    assert down["no"].to_pylist()[:3] == [6, 13, 20]
    assert sorted_rows(ROWS, "-no", ("score",)).equals(ROWS)


def test_a_second_click_sorts_the_other_way():
    first = sort_link("Score", "score", "", "/cases", {})
    assert (first.url, first.state) == ("/cases?sort=score", "")
    assert sort_link("Score", "score", "score", "/cases", {}).url == "/cases?sort=-score"
    assert sort_link("Score", "score", "-score", "/cases", {}).state == "descending"


@pytest.mark.parametrize("case_id", ["QN-0008", "a/b", "..", ".", "%2F", "50%", "ca số 1", "a\\b", "?x=1#y"])
def test_the_url_of_a_case_leads_back_to_it(case_id):
    from urllib.parse import unquote, urljoin

    path = case_url(case_id)
    assert urljoin("http://127.0.0.1/cases", path) == f"http://127.0.0.1{path}"  # no browser rewrites it
    part = path.removeprefix("/cases/")
    assert "/" not in part
    assert CaseConverter.to_python(None, unquote(part)) == case_id


def test_a_table_without_rows_can_be_sorted():
    empty = ROWS.slice(0, 0)
    assert sorted_rows(empty, "-score", ("score",)).equals(empty)
