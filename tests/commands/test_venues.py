"""`truyvet venues` from the outside: the registry, its history, and the stays that follow."""

import json
import subprocess
import sys

import pytest

from pipelines import cli
from pipelines.drivers.run import run as run_files
from pipelines.lake import open_lake, read_table

CSV = "venue,name,type,district_code,province_code\n"


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.delenv("TRUYVET_LAKE", raising=False)
    monkeypatch.delenv("TRUYVET_KEYS", raising=False)
    return str(tmp_path / "lake")


@pytest.fixture
def venues(lake, capsys):
    """Runs `truyvet venues … --lake`: exit code, standard output, standard error."""

    def ran(*words):
        code = cli.main(["venues", *map(str, words), "--lake", lake])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return ran


def listed(venues, *words):
    code, out, err = venues("list", *words, "--format", "json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_a_venue_that_registers_late_gets_its_earlier_scans(lake, venues, tmp_path):
    scans = tmp_path / "scans.ndjson"
    scan = {"person": "phone:0905123456", "venue": "QNG-1", "occurred_at": "2021-07-01T08:30:00+07:00"}
    scans.write_text(json.dumps(scan) + "\n")
    report = run_files(lake, [str(scans)], now_us=1_625_200_000_000_000)
    assert report.unregistered == 1
    opened = open_lake(lake)
    assert read_table(opened, "stays").num_rows == 0
    code, out, _ = venues("add", "QNG-1", "--type", "market", "--name", "Chợ Thu Lộ")
    assert code == 0
    assert json.loads(out)["others"]["venues"]["accepted"] == 1
    assert read_table(opened, "stays").num_rows == 2
    assert venues("close", "QNG-1", "--at", "2021-07-01")[0] == 0
    assert read_table(opened, "stays").num_rows == 0


def test_a_venue_is_what_was_said_of_it(venues):
    words = ("--zone", "A1", "A2", "--zone", "B", "--district", "522", "--province", "51", "--lat", "15.12")
    assert venues("add", "QNG-1", "--type", "market", *words, "--lon", "108.8", "--capacity", "50")[0] == 0
    [row] = listed(venues)
    assert list(row)[:4] == ["venue", "name", "type", "zone"]
    assert (row["venue"], row["zone"], row["district_code"]) == ("QNG-1", "A1;A2;B", "522")
    assert (row["lat"], row["lon"], row["capacity"]) == (15.12, 108.8, 50)


def test_a_code_is_registered_once_unless_it_is_replaced(venues):
    assert venues("add", "QNG-1", "--type", "market")[0] == 0
    code, _, err = venues("add", "QNG-1", "--type", "shop")
    assert (code, err.count("\n")) == (5, 1)
    assert venues("add", "QNG-1", "--type", "shop", "--replace")[0] == 0
    assert listed(venues)[0]["type"] == "shop"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "QNG-1", "--type", "market", "--district", "999"), 3),
        (("add", "QNG-1", "--type", "market", "--lat", "91"), 2),
        (("add", "QNG-1", "--type", "castle"), 2),
        (("add", "Q" * 129, "--type", "market"), 2),
        (("add", "QNG-1", "--type", "market", "--registered-at", "soon"), 2),
        (("import", "/no/such/file.csv"), 3),
        (("close", "QNG-1"), 3),
        (("list",), 3),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(venues, words, code):
    found, out, err = venues(*words)
    assert (found, out, err.count("\n")) == (code, "", 1)


def test_an_error_names_the_venue_or_the_field(venues):
    assert venues("add", "QNG-1", "--type", "market")[0] == 0
    assert "'QNG-1' is registered already" in venues("add", "QNG-1", "--type", "market")[2]
    missing = venues("close", "QNG-1", "QNG-8", "QNG-9", "QNG-8")[2]
    assert missing.startswith("truyvet venues: no venue of this lake is 'QNG-8', 'QNG-9':")
    code, _, err = venues("add", "QNG-2", "--type", "market", "--timezone", "Asia/Hanoi")
    assert code == 2
    assert "refused for timezone: write an IANA name" in err


def test_of_several_venues_those_that_were_closed_before_are_named(venues):
    for venue in ("QNG-1", "QNG-2", "QNG-3"):
        venues("add", venue, "--type", "market")
    venues("close", "QNG-2", "--at", "2021-08-01")
    code, _, err = venues("close", "QNG-1", "QNG-2", "QNG-3", "--at", "2021-08-02")
    assert (code, err.count("QNG-")) == (0, 1)
    assert err.endswith("the earlier closing stands: 'QNG-2'\n")


def test_places_of_one_name_and_place_are_pointed_out(venues):
    venues("add", "QNG-1", "--type", "market", "--name", "Chợ Thu Lộ", "--district", "522")
    code, _, err = venues("add", "QNG-2", "--type", "market", "--name", "chợ thu lộ", "--district", "522")
    assert (code, err) == (0, "truyvet venues: QNG-1 and QNG-2 have the same name and place\n")
    assert len(listed(venues)) == 2


def test_an_import_with_a_district_that_does_not_exist_commits_nothing(lake, venues, tmp_path):
    path = tmp_path / "venues.csv"
    path.write_text(CSV + "A,Một,shop,522,51\nB,Hai,shop,999,51\n", encoding="utf-8")
    code, out, err = venues("import", path)
    assert (code, out) == (3, "")
    assert "1 venues lie in districts that do not exist, B first" in err
    assert listed(venues) == []
    assert venues("import", path, "--any-district")[0] == 0
    assert [row["venue"] for row in listed(venues)] == ["A", "B"]
    assert [row["venue"] for row in listed(venues, "--district", "522")] == ["A"]


def test_vehicles_move_and_places_do_not(venues):
    venues("add", "BUS-1", "--type", "public_transport", "--name", "Xe buýt 1", "--lat", "15", "--lon", "108")
    venues("add", "QNG-1", "--type", "market")
    assert venues("move", "BUS-1", "--lat", "15.5", "--district", "524")[0] == 0
    [bus] = listed(venues, "BUS-1")
    assert (bus["lat"], bus["lon"], bus["district_code"], bus["name"]) == (15.5, 108.0, "524", "Xe buýt 1")
    assert venues("move", "QNG-1", "--lat", "15")[0] == 5
    assert venues("move", "BUS-1")[0] == 2


def test_closing_again_never_moves_an_earlier_closing(venues):
    venues("add", "QNG-1", "--type", "market", "--name", "Chợ", "--capacity", "50")
    venues("close", "QNG-1", "--at", "2021-08-01")
    code, out, err = venues("close", "QNG-1", "--at", "2021-09-01")
    assert (code, json.loads(out)["others"]["venues"]["duplicate"]) == (0, 1)
    assert err == "truyvet venues: closed by then already, and the earlier closing stands: 'QNG-1'\n"
    assert listed(venues)[0]["closed_at"] == "2021-07-31T17:00:00Z"
    assert venues("close", "QNG-1", "--at", "2021-07-15")[2] == ""
    [row] = listed(venues)
    assert (row["closed_at"], row["name"], row["capacity"]) == ("2021-07-14T17:00:00Z", "Chợ", 50)


def test_a_replaced_venue_is_open_again_and_what_was_known_of_it_forgotten(venues):
    venues("add", "QNG-1", "--type", "market", "--name", "Chợ", "--capacity", "50")
    venues("close", "QNG-1", "--at", "2021-08-01")
    assert venues("add", "QNG-1", "--type", "shop", "--replace")[0] == 0
    [row] = listed(venues)
    assert (row["type"], row["name"], row["capacity"], row["closed_at"]) == ("shop", None, None, None)


def test_a_file_with_two_columns_keeps_the_rest_and_the_closing(venues, tmp_path):
    venues("add", "QNG-1", "--type", "market", "--name", "Chợ", "--district", "522")
    venues("close", "QNG-1", "--at", "2021-08-01")
    path = tmp_path / "venues.csv"
    path.write_text("venue,type\nQNG-1,shop\n", encoding="utf-8")
    assert venues("import", path)[0] == 0
    [row] = listed(venues)
    assert (row["type"], row["name"], row["district_code"]) == ("shop", "Chợ", "522")
    assert row["closed_at"] == "2021-07-31T17:00:00Z"


def test_cells_that_cannot_be_read_are_told_and_their_venue_stands(venues, tmp_path):
    path = tmp_path / "venues.csv"
    path.write_text('venue,type,lat,capacity,name\nQNG-1,shop,"15,12",50.0,"Chợ\nThu Lộ"\n', encoding="utf-8")
    code, out, err = venues("import", path)
    counts = json.loads(out)["others"]["venues"]
    assert (code, counts["accepted"], counts["dropped"]) == (0, 1, {"name": 1, "lat": 1})
    assert f"venues: 1 cell of lat cannot be read and is left out, first {path} line 2: write degrees" in err
    [row] = listed(venues)
    assert (row["lat"], row["capacity"], row["name"]) == (None, 50, None)


def test_a_new_lake_is_told_and_only_once(lake, venues):
    told = f"truyvet venues: {lake} is a new lake; its keys are in {lake}.keys, keep a copy of them\n"
    assert venues("add", "A", "--type", "shop")[2] == told
    assert venues("add", "B", "--type", "shop")[2] == ""


def test_the_history_holds_each_change_and_nothing_else(venues):
    venues("add", "QNG-1", "--type", "market")
    venues("add", "BUS-1", "--type", "public_transport")
    venues("move", "BUS-1", "--lat", "15", "--lon", "108")
    venues("close", "QNG-1", "--at", "2021-08-01")
    history = listed(venues, "--history")
    assert [(row["venue"], row["version"]) for row in history] == [
        ("BUS-1", 1),
        ("BUS-1", 2),
        ("QNG-1", 0),
        ("QNG-1", 3),
    ]
    assert [row["lat"] for row in history] == [None, 15.0, None, None]
    assert history[-1]["closed_at"] == "2021-07-31T17:00:00Z"
    assert [row["version"] for row in listed(venues, "BUS-1", "--history")] == [1, 2]


def test_listing_imports_no_beam():
    modules = "pipelines.commands.venues, pipelines.registry.listing"
    code = f"import sys, {modules}; sys.exit('apache_beam' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
