import datetime as dt
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.terminal.cells import cut_to, width_of
from pipelines.terminal.text_table import fitted_lines, write_table
from schemas.tables import INSTANT

MOMENT = dt.datetime(2021, 8, 2, 0, 45, tzinfo=dt.UTC)


def trace(rows=2, venues="QN522-EN-00074"):
    """Return an answer of `trace`."""
    return pa.table(
        {
            "tier": [1] * rows,
            "person": list(range(rows)),
            "exposed_at": pa.array([MOMENT] * rows, INSTANT),
            "via": [7] * rows,
            "seconds_direct": [13987] * rows,
            "seconds_indirect": [0] * rows,
            "seconds_imputed": [0] * rows,
            "venues": [venues] * rows,
            "rule": ["who-2020-12"] * rows,
            "score": [1.3121] * rows,
            "stays": [[-(2**62), 2**62]] * rows,
        }
    )


def headings(lines):
    return lines[0].split()


def whole(table):
    sink = io.BytesIO()
    write_table(table, sink)
    return sink.getvalue().decode().splitlines()


def test_a_wide_terminal_shows_everything_without_a_note():
    assert fitted_lines(trace(), 300) == whole(trace())


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (160, ["stays"]),
        (145, ["rule", "stays"]),
        (100, ["via", "seconds_indirect", "seconds_imputed", "rule", "stays"]),
        (80, ["via", "seconds_indirect", "seconds_imputed", "rule", "score", "stays"]),
    ],
)
def test_columns_are_left_out_until_the_table_fits_and_are_named(width, left_out):
    lines = fitted_lines(trace(), width)
    assert max(map(width_of, lines)) <= width
    assert headings(lines) == [name for name in trace().column_names if name not in left_out]
    assert " ".join(lines[4:]) == f"(left out: {', '.join(left_out)}; --format csv has all)"


def test_ids_of_stays_go_first_and_columns_without_a_value_next():
    table = pa.table({"person": [1], "zone": [""], "stay": [5], "seconds": [900]})
    assert headings(fitted_lines(table, 32)) == ["person", "zone", "seconds"]
    assert headings(fitted_lines(table, 26)) == ["person", "seconds"]


def test_long_texts_are_cut_and_their_columns_named():
    lines = fitted_lines(trace(venues=";".join(f"QN522-EN-{number:05}" for number in range(9))), 100)
    assert "venues" in headings(lines)
    assert "QN522-EN-00000;QN522-E" in lines[2]
    assert "…" in lines[2]
    assert "shortened: venues;" in " ".join(lines[4:])


def test_the_start_of_an_exposure_is_kept_before_its_repetition():
    times = pa.array([MOMENT], INSTANT)
    table = pa.table(
        {"tier": [1], "via": [1], "person": [2], "exposed_at": times, "start": times, "end": times}
    )
    assert headings(fitted_lines(table, 90)) == ["tier", "via", "person", "start", "end"]


def test_names_stand_beside_the_codes_of_venues():
    table = pa.table({"venue": ["K1", "K2", ""], "seconds": [900, 60, 1]})
    lines = fitted_lines(table, 80, lambda codes: {"K1": "Chợ Thu Lộ"} if codes == {"K1", "K2"} else {})
    assert headings(lines) == ["venue", "name", "seconds"]
    assert [line.split() for line in lines[2:]] == [["K1", "Chợ", "Thu", "Lộ", "900"], ["K2", "60"], ["1"]]


def test_names_of_several_venues_stand_in_the_order_of_the_codes():
    table = pa.table({"venues": ["K1;K2"]})
    [line] = fitted_lines(table, 80, lambda _: {"K2": "Chợ", "K1": "Cà phê"})[2:]
    assert line.split() == ["K1;K2", "Cà", "phê;", "Chợ"]


def test_names_are_cut_and_then_left_out_where_there_is_no_room():
    table = pa.table({"venue": ["K1"], "seconds": [900]})
    name = {"K1": "Trung tâm đào tạo 16, Thành phố Quảng Ngãi"}
    lines = fitted_lines(table, 40, lambda _: name)
    assert lines[2:] == [
        "K1     Trung tâm đào tạo 16, T…      900",
        "(shortened: name; --format csv has all)",
    ]
    assert headings(fitted_lines(table, 20, lambda _: name)) == ["venue", "seconds"]


def test_a_name_that_the_answer_has_is_not_added_again():
    table = pa.table({"venue": ["K1"], "name": ["own"]})
    assert fitted_lines(table, 80, lambda _: {"K1": "other"}) == whole(table)


def test_an_answer_without_rows_fits_too():
    lines = fitted_lines(trace(0), 60)
    assert max(map(width_of, lines)) <= 60
    assert "(no rows)" in lines


@given(
    st.integers(1, 120),
    st.lists(st.tuples(st.text("abc…ễ市\u0301 ", max_size=40), st.text("x;", max_size=90)), max_size=3),
)
def test_no_line_is_wider_than_the_terminal(width, rows):
    table = pa.table(
        {
            "name": pa.array([row[0] for row in rows], pa.string()),
            "venues": pa.array([row[1] for row in rows], pa.string()),
            "stay_id": pa.array([1 for _ in rows], pa.int64()),
        }
    )
    assert max(map(width_of, fitted_lines(table, width, lambda codes: dict.fromkeys(codes, "Chợ")))) <= width


@given(st.text("aễ市\u0301 …", max_size=20), st.integers(1, 20))
def test_a_cut_text_fits_the_width_and_begins_alike(text, width):
    cut = cut_to(text, width)
    assert width_of(cut) <= width
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))
