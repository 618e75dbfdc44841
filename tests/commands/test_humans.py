"""`--humans` from the command line: contacts found only through a link, and what is said beside them."""

import csv
import json

import pytest

from pipelines.cli import main
from pipelines.privacy.keys import load_keys, token
from pipelines.terminal.output import token_text
from tests.end_to_end.commands import run, truyvet
from tests.ingest.validate.test_person_codes import PERSONAL

NOW = "2021-07-20T00:00:00+07:00"
PHONE, BHYT, QID = "phone:0905123456", "bhyt:DN4010123456789", "qid:162979388586171100"
CARD = "cccd:001093029317"
VENUES = "venue,type\ncafe,restaurant\nmarket,market\n"
CASES = f"case_id,person,onset_at\nBN-1,{PHONE},2021-07-11\nBN-9,device:kiosk,2021-07-11\n"


def at(clock):
    return f"2021-07-10T{clock}:00+07:00"


def visit(venue, enter, leave, **who):
    return [
        {"venue": venue, "direction": way, "occurred_at": at(clock), **who}
        for way, clock in (("in", enter), ("out", leave))
    ]


# The case scans at the cafe with his phone, and for half an hour with his insurance card too; at the market a
# guard scans his personal code. Binh met him at the cafe, Chi at the market; Dung met Chi after that.
SCANS = [
    *visit("cafe", "08:00", "10:00", person=PHONE),
    *visit("cafe", "09:00", "09:30", person=BHYT),
    *visit("market", "11:00", "12:00", person_code=PERSONAL),
    *visit("cafe", "09:00", "09:30", person="device:binh"),
    *visit("market", "11:00", "12:00", person="device:chi"),
    *visit("cafe", "14:00", "15:00", person="device:chi"),
    *visit("cafe", "14:00", "15:00", person="device:dung"),
    *visit("cafe", "07:00", "07:50", person="device:early"),
]
BAD = [
    {"person_a": PHONE, "person_b": "phone:+84 905 123 456"},  # to himself
    {"person_a": "fax:1", "person_b": CARD},
    {"person_a": CARD, "person_b": "device:x", "source": "rumour"},
    *({"person_a": f"cccd:0512000000{number:02}", "person_b": "phone:0905999999"} for number in range(40)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("humans")
    (made / "venues.csv").write_text(VENUES)
    (made / "cases.csv").write_text(CASES)
    (made / "scans.ndjson").write_text("".join(json.dumps(one) + "\n" for one in SCANS))
    usual = {"seen_at": at("06:00"), "source": "registration", "self": True}
    (made / "bad.ndjson").write_text("".join(json.dumps({**usual, **one}) + "\n" for one in BAD))
    given = ("--venues", made / "venues.csv", "--cases", made / "cases.csv")
    report = run(made / "lake", *given, "--scans", made / "scans.ndjson", now=NOW)
    assert report["others"]["links"]["from_codes"] == 6  # three pairs of one code, scanned twice
    report = run(made / "lake", "--links", made / "bad.ndjson", now=NOW)["others"]["links"]
    assert report["reasons"] == {"malformed": 2, "bad_person": 1}
    assert (report["accepted"], report["shared"]) == (40, 40)
    return made


def rows(folder, command, *words, humans=True):
    """The rows of a question as JSON, and what it says."""
    flags = ["--humans"] if humans else []
    done = truyvet(command, "--lake", folder / "lake", *words, *flags, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out), done.err


def of(folder, person):
    return token_text(token(load_keys(folder / "lake.keys"), person))


def smallest(folder):
    keys = load_keys(folder / "lake.keys")
    canonical = ("phone:+84905123456", "bhyt:0123456789", QID, CARD)
    return token_text(min(token(keys, one) for one in canonical))


def test_a_contact_is_found_through_a_link_alone_and_time_still_runs_forwards(folder):
    binh, chi, dung = (of(folder, f"device:{name}") for name in ("binh", "chi", "dung"))
    question = ("--case", "BN-1", "--depth", "2")
    plain, _ = rows(folder, "trace", *question, humans=False)
    assert {row["person"] for row in plain} == {binh, of(folder, "bhyt:0123456789")}
    assert "links" not in plain[0]
    found, said = rows(folder, "trace", *question)
    seen = {row["person"]: (row["tier"], row["via"], row["links"]) for row in found}
    me = smallest(folder)
    assert seen == {
        binh: (1, me, "personal_qr"),
        chi: (1, me, "personal_qr"),
        dung: (2, chi, None),
    }
    assert "1 person here has several identifiers, joined by links of personal_qr\n" in said
    assert "40 links are refused: identifiers that several people share join nobody\n" in said


def test_a_list_of_humans_is_thinned_with_the_scans_of_all_identifiers(folder):
    binh, chi = (of(folder, f"device:{name}") for name in ("binh", "chi"))
    found, said = rows(folder, "trace", "--case", "BN-1", "--stability", "200")
    kept = {row["person"]: row for row in found}
    assert set(kept) == {binh, chi}
    # Chi's contact hangs on a guard's scans alone; a draw keeps her with probability 0.9, her and him 0.81.
    assert kept[chi]["stability_people"] == pytest.approx(0.9, abs=0.06)
    assert kept[chi]["stability_visits"] == pytest.approx(0.81, abs=0.08)
    assert kept[chi]["stability_scans"] > 0.6
    assert "(200 draws)" in said


def test_an_explanation_names_the_links(folder):
    found, _ = rows(folder, "trace", "--case", "BN-1", "--depth", "2", "--explain", "device:dung")
    kinds = [(row["tier"], row["contact"], row["venue"]) for row in found]
    assert kinds[:2] == [(1, "direct", "market"), (2, "direct", "cafe")]
    assert kinds[2:] == [(0, "personal_qr", None)] * 3
    assert {row["start"] for row in found[2:]} == {"2021-07-10T04:00:00Z"}
    assert {row["end"] for row in found[2:]} == {"2021-07-10T05:00:00Z"}


@pytest.mark.parametrize("person", [PHONE, BHYT, QID, CARD])
def test_from_any_of_his_identifiers_no_second_counts_twice(folder, person):
    found, _ = rows(folder, "overlaps", "--person", person)
    at_cafe = [row for row in found if row["venue"] == "cafe"]
    # Under two identifiers he was at the cafe at once: one stay from 8 to 10, and nobody overlaps himself.
    assert [(row["person"], row["seconds"]) for row in at_cafe] == [(of(folder, "device:binh"), 1800)]
    assert [row["venue"] for row in found] == ["cafe", "market"]
    plain, _ = rows(folder, "overlaps", "--person", "device:binh", humans=False)
    one, _ = rows(folder, "overlaps", "--person", "device:binh")
    assert (len(plain), [row["person"] for row in one]) == (2, [smallest(folder)])


def test_milestones_and_a_network_hold_the_stays_of_all_identifiers(folder):
    found, _ = rows(folder, "milestones", "--case", "BN-1")
    assert [(row["venue"], row["enter"], row["exit"]) for row in found] == [
        ("cafe", "2021-07-10T01:00:00Z", "2021-07-10T03:00:00Z"),
        ("market", "2021-07-10T04:00:00Z", "2021-07-10T05:00:00Z"),
    ]
    words = ("--lake", folder / "lake", "--case", "BN-1", "--humans", "--output", folder / "n.graphml")
    done = truyvet("network", *words)
    assert done.code == 0
    assert "2 people exposed, 2 venues" in done.err
    assert ">personal_qr<" in (folder / "n.graphml").read_text()


def test_a_list_has_a_row_a_human_and_shows_the_phone(folder):
    authority = ("--reveal", "--authority-key", folder / "lake.keys" / "authority.key")
    words = ("--lake", folder / "lake", "--case", "BN-1", "--lang", "en", "--format", "csv", "json", "html")
    done = truyvet("export", *words, "--humans", *authority, "--output", folder / "list")
    assert done.code == 0, done.err
    manifest = json.loads((folder / "list" / "manifest.json").read_text())
    assert (manifest["humans"], manifest["tiers"], manifest["revealed"]) == (True, {"1": 2}, 2)
    report = (folder / "list" / "report.html").read_text(encoding="utf-8")
    assert "count as one; people on this list who have several: 1." in report
    assert "40 links are refused" in report
    again = ("--humans", *authority, "--since", folder / "list", "--output", folder / "again")
    assert truyvet("export", *words, *again).code == 0
    changes = json.loads((folder / "again" / "list.json").read_text())
    assert [row["change"] for row in changes] == ["same", "same"]
    other = truyvet("export", *words, "--since", folder / "list", "--output", folder / "other")
    assert other.code == 2
    assert "another question" in other.err


def test_of_a_human_on_a_list_all_identifiers_are_opened_and_the_phone_is_shown(folder):
    words = ("--lake", folder / "lake", "--case", "BN-9", "--humans", "--lang", "en", "--format", "csv")
    register = folder / "people.csv"
    register.write_text(f"person,full_name,address\n{CARD},Nguyễn Văn A,\n{PHONE},,Bình Sơn\n")
    kiosk = folder / "kiosk.ndjson"
    kiosk.write_text(
        "".join(json.dumps(one) + "\n" for one in visit("cafe", "08:00", "09:00", person="device:kiosk"))
    )
    run(folder / "lake", "--scans", kiosk, now=NOW)
    reveal = ("--reveal", "--authority-key", folder / "lake.keys" / "authority.key", "--people", register)
    done = truyvet("export", *words, *reveal, "--output", folder / "kiosk")
    assert done.code == 0, done.err
    with open(folder / "kiosk" / "list.csv", encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["Person code"], row["Identifier kind"]) == (f"p-{smallest(folder)}", "phone")
    assert row["Phone or document"] == "0905 123 456"
    assert (row["Full name"], row["Address"]) == ("Nguyễn Văn A", "Bình Sơn")
    assert json.loads((folder / "kiosk" / "manifest.json").read_text())["revealed"] == 4


def test_without_links_the_answers_are_the_same_bytes_and_a_line_says_so(tmp_path, folder):
    person = tmp_path / "scans.ndjson"
    scans = [one for one in SCANS if "person_code" not in one]
    person.write_text("".join(json.dumps(one) + "\n" for one in scans))
    given = ("--venues", folder / "venues.csv", "--cases", folder / "cases.csv")
    run(tmp_path / "lake", *given, "--scans", person, now=NOW)
    for command, *words in (
        ("trace", "--case", "BN-1", "--depth", "2"),
        ("overlaps", "--case", "BN-1"),
        ("milestones", "--case", "BN-1"),
    ):
        for form in ("json", "csv"):
            asked = [command, "--lake", tmp_path / "lake", *words, "--format", form]
            plain, humans = truyvet(*asked), truyvet(*asked, "--humans")
            assert plain.out == humans.out
            assert "the lake holds no links: each identifier counts as a person of its own" in humans.err
            assert "links" not in plain.err


def test_the_ledger_keeps_that_humans_were_asked_for(folder):
    main(["milestones", "--lake", str(folder / "lake"), "--case", "BN-1", "--humans"])
    last = (folder / "lake.ledger" / "ledger.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["arguments"]["humans"] is True
