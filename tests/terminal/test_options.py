import argparse
import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.terminal.options import (
    add_keys,
    add_lake,
    add_output,
    check_output,
    format_of,
    keys_folder,
)
from pipelines.times import instant_us, parse_instant

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def parsed(words, *adders):
    parser = argparse.ArgumentParser()
    for add in adders:
        add(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2021-07-01T08:30:00+07:00", "2021-07-01T01:30:00+00:00"),
        ("2021-07-01T01:30:00Z", "2021-07-01T01:30:00+00:00"),
        ("2021-07-01t01:30:00.5z", "2021-07-01T01:30:00.500000+00:00"),
        ("2021-07-01T01:30:00.1234569Z", "2021-07-01T01:30:00.123456+00:00"),
        ("2021-07-01", "2021-06-30T17:00:00+00:00"),
        ("1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59.900000+00:00"),
    ],
)
def test_a_time_with_offset_or_a_local_date_is_an_instant(text, utc):
    assert EPOCH + dt.timedelta(microseconds=parse_instant(text)) == dt.datetime.fromisoformat(utc)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2021-07-01T08:30:00", "2021-02-30", "2021-07-01T24:01:00Z", "20210701", "٢٠٢١-٠٧-٠١"],
)
def test_anything_else_is_refused_naming_the_flag_and_not_the_value(text):
    with pytest.raises(UsageError) as caught:
        parse_instant(text, "--from")
    assert str(caught.value).startswith("--from is not a valid time")


@given(st.datetimes(timezones=st.just(dt.UTC)), st.integers(-14 * 60, 14 * 60))
def test_an_instant_survives_being_written_with_any_offset(moment, offset_minutes):
    try:
        local = moment.astimezone(dt.timezone(dt.timedelta(minutes=offset_minutes)))
    except OverflowError:
        return
    expected = (moment - EPOCH) // dt.timedelta(microseconds=1)
    assert parse_instant(local.isoformat()) == expected


def test_the_environment_stands_in_for_lake_and_keys(monkeypatch):
    monkeypatch.setenv("TRUYVET_LAKE", "/lake")
    monkeypatch.setenv("TRUYVET_KEYS", "/keys")
    args = parsed([], add_lake, add_keys)
    assert (args.lake, args.keys) == ("/lake", "/keys")
    assert parsed(["--lake", "/other"], add_lake).lake == "/other"


def test_a_lake_is_required_where_the_environment_names_none(monkeypatch, capsys):
    monkeypatch.delenv("TRUYVET_LAKE", raising=False)
    with pytest.raises(SystemExit):
        parsed([], add_lake)
    assert "required: --lake" in capsys.readouterr().err


def test_keys_lie_beside_the_lake_unless_named():
    assert keys_folder(None, "/data/lake/") == Path("/data/lake.keys")
    assert keys_folder(None, "file:///data/lake") == Path("/data/lake.keys")
    assert keys_folder("/k", "/data/lake") == Path("/k")


def test_keys_of_a_lake_in_a_store_lie_among_the_own_data_of_the_user(monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", "/home/an/data")
    expected = Path("/home/an/data/truyvet/s3/bucket/lake.keys")
    assert keys_folder(None, "s3://bucket/lake/") == expected
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/an")
    assert keys_folder(None, "gs://bucket") == Path("/home/an/.local/share/truyvet/gs/bucket.keys")
    assert keys_folder("/k", "s3://bucket/lake") == Path("/k")


def test_keys_must_be_named_without_a_lake():
    with pytest.raises(UsageError, match="--keys is missing"):
        keys_folder(None, None)


def test_rows_are_a_table_on_standard_output_by_default():
    args = parsed([], add_output)
    assert (args.format, args.output) == (None, None)
    check_output(args)
    assert args.format == "table"


def test_the_format_is_settled_before_a_command_runs(tmp_path):
    args = parsed(["--output", str(tmp_path / "rows.json")], add_output)
    check_output(args)
    assert args.format == "json"


@pytest.mark.parametrize(
    ("name", "said"),
    [("rows.xls", "no format has the ending .xls"), ("no/rows.csv", "its folder does not exist")],
)
def test_a_file_that_cannot_be_written_is_refused_before_a_command_runs(name, said, tmp_path):
    with pytest.raises(UsageError, match=said):
        check_output(parsed(["--output", str(tmp_path / name)], add_output))


def test_a_command_without_answers_needs_no_format():
    check_output(argparse.Namespace(lake="L"))


def test_a_device_takes_a_table():
    assert format_of(None, "/dev/null") == "table"


def test_a_time_may_be_a_text_a_datetime_with_a_zone_or_nothing():
    moment = dt.datetime(2021, 7, 1, 0, 0, 1, tzinfo=dt.timezone(dt.timedelta(hours=7)))
    assert instant_us(moment, "--to") == instant_us("2021-06-30T17:00:01Z", "--to")
    assert instant_us(None, "--to") is None
    with pytest.raises(UsageError, match="--to has no time zone"):
        instant_us(moment.replace(tzinfo=None), "--to")
