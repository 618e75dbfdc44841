import argparse
import datetime as dt
from dataclasses import fields

import pytest

from pipelines.commands.simulate import add_knobs, knobs_of
from pipelines.errors import UsageError
from pipelines.simulate.settings import DEFAULT_START, Knobs, Settings, flag

VALID = {"people": 1, "venues": 1, "days": 1, "seed": 0, "start": DEFAULT_START, "knobs": Knobs()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("people", 0),
        ("people", 20_000_001),
        ("people", True),
        ("people", 1.5),
        ("venues", 0),
        ("days", 0),
        ("days", 367),
        ("seed", -1),
        ("seed", 2**63),
        ("start", dt.date(1800, 1, 1)),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_the_name_of_its_flag(name, value):
    with pytest.raises(UsageError, match=f"--{name} is out of range"):
        Settings(**{**VALID, name: value})


@pytest.mark.parametrize("knob", [knob.name for knob in fields(Knobs)])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), 2_000.0, "1"])
def test_a_knob_out_of_range_is_refused_by_the_name_of_its_flag(knob, value):
    with pytest.raises(UsageError, match=f"{flag(knob)} is out of range"):
        Knobs(**{knob: value})


def test_every_knob_is_an_explained_flag_whose_default_is_the_knobs():
    parser = argparse.ArgumentParser()
    add_knobs(parser)
    assert knobs_of(parser.parse_args([])) == Knobs()
    assert all(action.help for action in parser._actions)
    assert knobs_of(parser.parse_args(["--late-days", "3", "--scanning", "0.1"])) == Knobs(
        late_days=3.0, scanning=0.1
    )
