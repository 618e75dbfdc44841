"""The answer of `quality`, asked as a user asks it."""

import csv
import io
import json

import pytest

from pipelines import quality
from pipelines.cli import main
from pipelines.errors import UsageError
from pipelines.terminal.cells import token_text
from tests.lakes import new_lake, person_token, put_scans, put_venues

COLUMNS = ["unit", "flag", "value", "expected", "p", "q", "significant", "scans"]
HEAD = "person | venue | occurred_at | direction | scan_mode | scanner | received_at"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """Six shops over three days; at one of them forty people scan within a minute."""
    where = new_lake(tmp_path_factory.mktemp("quality"))
    put_venues(where, "venue_code | type\n" + "\n".join(f"shop{number} | shop" for number in range(6)))
    rows = [
        f"p{minute % 7} | shop{shop} | {day} {hour:02}:{minute:02} | in | guard | r{shop} | 20 00:00"
        for shop in range(6)
        for day in (10, 11, 12)
        for hour in (8, 9)
        for minute in range(0, 60, 5)
    ]
    crowd = [f"c{one} | shop3 | 11 08:00:{one + 1:02} | in | guard | r3 | 20 00:00" for one in range(40)]
    put_scans(where, "\n".join([HEAD, *rows, *crowd]))
    return where


def asked(capsys, *words):
    code = main(["quality", *map(str, words)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_a_crowded_minute_of_one_venue_comes_first(lake):
    found = quality(lake)
    assert found.column_names == COLUMNS
    first = found.to_pylist()[0]
    assert (first["unit"], first["flag"], first["value"], first["expected"]) == ("shop3", "burst", 41.0, 1.0)
    assert first["significant"]
    assert first["scans"] == 3 * 24 + 40
    assert first["p"] <= first["q"] < 1e-9


def test_of_devices_the_unit_is_a_token_of_sixteen_digits(lake, capsys):
    code, out, err = asked(capsys, "--lake", lake.url, "--by", "scanner", "--format", "csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == COLUMNS
    burst = next(row for row in rows if row["flag"] == "burst" and row["significant"] == "true")
    assert burst["unit"] == token_text(person_token(lake, "r3"))
    assert "of 6 scanners with scans carry" in err


def test_rows_are_ordered_by_how_improbable_they_are(lake):
    for by in ("venue", "scanner", "person"):
        p = quality(lake, by=by)["p"].to_pylist()
        assert p == sorted(p)


def test_a_span_without_the_crowd_has_no_flag_of_it(lake):
    found = quality(lake, from_="2021-07-12")
    assert found.num_rows > 0
    assert not any(row["significant"] for row in found.to_pylist() if row["flag"] == "burst")


@pytest.mark.parametrize("by", ["venue", "scanner", "person"])
@pytest.mark.parametrize("span", [("2020-01-01", "2020-01-02"), ("2022-01-01", None), (None, None)])
def test_a_lake_or_a_span_without_scans_is_an_empty_answer(tmp_path, lake, capsys, by, span):
    where = new_lake(tmp_path).url if span == (None, None) else lake.url
    flags = [
        word for name, value in zip(("--from", "--to"), span, strict=True) if value for word in (name, value)
    ]
    code, out, err = asked(capsys, "--lake", where, "--by", by, *flags, "--format", "json")
    assert (code, json.loads(out)) == (0, [])
    assert "0 of 0" in err
    assert "An empty answer is not safety." in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2021-07-02", "--to", "2021-07-01"), "--from lies after --to"),
        (("--from", "yesterday"), "--from"),
        (("--by", "street"), "--by"),
    ],
)
def test_a_malformed_question_is_refused_in_a_line(lake, capsys, words, said):
    code, out, err = asked(capsys, "--lake", lake.url, *words)
    assert (code, out) == (2, "")
    assert said in err


def test_an_unknown_kind_of_unit_is_refused_by_the_function_too(lake):
    with pytest.raises(UsageError, match="--by must be one of venue scanner person"):
        quality(lake, by="street")


def test_one_venue_alone_says_what_could_not_be_tested(tmp_path, capsys):
    where = new_lake(tmp_path)
    put_venues(where, "venue_code | type\nshop | shop")
    put_scans(where, "person | venue | occurred_at | scanner\nan | shop | 10 08:00 | r")
    code, _, err = asked(capsys, "--lake", where.url, "--by", "scanner")
    assert code == 0
    assert "not tested, for want of data to compare with: burst" in err


def test_the_definitions_need_no_lake(capsys):
    code, out, _ = asked(capsys, "--definitions")
    assert code == 0
    assert out.startswith("unit: ")
    assert "one_scanner: " in out


def test_a_lake_must_be_named(capsys, monkeypatch):
    monkeypatch.delenv("TRUYVET_LAKE", raising=False)
    code, _, err = asked(capsys)
    assert code == 2
    assert "--lake is missing" in err
