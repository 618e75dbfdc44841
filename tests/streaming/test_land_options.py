"""Flags of `truyvet land` out of their range are refused before anything is opened."""

import pytest

from pipelines import cli
from pipelines.errors import UsageError
from pipelines.streaming.batches import BatchOptions
from pipelines.streaming.land_options import LandOptions


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (LandOptions(until_idle=-1), "--until-idle must be a number ≥ 0"),
        (
            LandOptions(batches=BatchOptions(batch_seconds=float("nan"))),
            "--batch-seconds must be a number ≥ 0",
        ),
        (
            LandOptions(batches=BatchOptions(lateness_days=float("inf"))),
            "--allowed-lateness-days must be a number from 0 to 36500",
        ),
        (LandOptions(pulls=0), "--pulls must be a number from 1 to 1000"),
        (LandOptions(lease_seconds=601), "--lease-seconds must be a number from 1 to 600"),
    ],
)
def test_a_value_out_of_range_is_refused(options, error):
    with pytest.raises(UsageError, match=error):
        options.check()


def test_the_usual_values_are_accepted():
    LandOptions().check()


def test_a_wrong_flag_is_one_line_and_exit_2(tmp_path, capsys):
    subscription = "projects/p/subscriptions/scans"
    words = ["land", "--lake", str(tmp_path / "lake"), "--subscription", subscription, "--pulls", "0"]
    assert cli.main(words) == 2
    assert capsys.readouterr().err == "truyvet land: --pulls must be a number from 1 to 1000: correct it\n"
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("command", ["land", "stream"])
def test_a_short_subscription_name_is_refused(command, tmp_path, capsys):
    words = [command, "--lake", str(tmp_path / "lake"), "--subscription", "scans"]
    words += ["--runner", "dataflow"] if command == "stream" else []
    assert cli.main(words) == 2
    assert (
        "--subscription must be a full name: write projects/PROJECT/subscriptions/NAME"
        in capsys.readouterr().err
    )
