"""`truyvet rules`: what ships, and every key of one pack."""

import csv
import io
import json

import pytest

from pipelines.cli import main
from pipelines.graph import rules
from pipelines.graph.rule_listing import KEYS, RULES
from schemas.rules import load_rule, shipped_rules

OWN = """
    id = "own"
    title = "t"
    source = "=s"
    valid_from = 2021-01-01
    omits = ["one", "two"]
    [contact]
    min_minutes = 15
    same_zone = true
    [[override]]
    venue_type = "shop"
    min_minutes = 30
    [[override]]
    venue_type = "home"
    accumulate = "window"
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    return str(path)


def test_the_shipped_packs_are_listed_by_id_with_their_sources():
    listed = rules()
    assert listed.schema.equals(RULES)
    assert listed["rule"].to_pylist() == shipped_rules()
    for row in listed.to_pylist():
        pack = load_rule(row["rule"])
        assert (row["title"], row["source"]) == (pack.title, pack.source)
        assert (row["min_minutes"], row["max_tier"]) == (pack.contact.min_minutes, pack.chain.max_tier)
        assert (row["valid_from"], row["valid_to"]) == (pack.valid_from, pack.valid_to)


@pytest.mark.parametrize("name", shipped_rules())
def test_a_pack_is_printed_with_everything_that_it_omits(name):
    printed = rules(name)
    assert printed.schema.equals(KEYS)
    said = [row["value"] for row in printed.to_pylist() if row["key"] == "omits"]
    assert said == list(load_rule(name).omits)
    assert len(said) >= 3


def test_what_a_pack_leaves_unsaid_is_printed_as_it_counts(own):
    keys = [(row["table"], row["key"], row["value"]) for row in rules(own).to_pylist()]
    assert ("", "valid_to", None) in keys
    assert ("infectious", "days_before_onset", "0") in keys
    assert ("infectious", "days_after", None) in keys
    assert ("contact", "accumulate", "each") in keys
    assert ("contact", "same_zone", "true") in keys
    assert ("chain", "max_tier", "1") in keys
    override = [(key, value) for table, key, value in keys if table == "override"]
    assert override == [
        *(("venue_type", "shop"), ("min_minutes", "30"), ("accumulate", "each"), ("indirect_minutes", "0")),
        *(("same_zone", "true"), ("max_distance_m", None), ("max_attenuation_db", None)),
        *(("venue_type", "home"), ("min_minutes", "15"), ("accumulate", "window"), ("indirect_minutes", "0")),
        *(("same_zone", "true"), ("max_distance_m", None), ("max_attenuation_db", None)),
    ]


def test_the_command_writes_the_list_and_one_pack(own, capsys):
    assert main(["rules", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["rule"] for row in listed] == shipped_rules()
    assert listed[0]["valid_from"] == "2020-10-21"
    assert main(["rules", own, "--format", "csv"]) == 0
    printed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["value"] for row in printed if row["key"] in ("source", "omits")] == ["'=s", "one", "two"]


@pytest.mark.parametrize(
    ("name", "said"), [("who-2021", "did you mean who-2020-12"), ("none.toml", "cannot be read")]
)
def test_an_unknown_pack_is_one_line(name, said, capsys):
    assert main(["rules", name]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert said in shown.err
