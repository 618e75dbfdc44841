"""What stands beside an answer is true of the files that were brought in."""

import json

import pytest

from pipelines.cli import main

NOW = "2021-07-12T00:00:00+07:00"
YEARS_LATER = "2024-07-12T00:00:00+07:00"
VENUES = "venue,type,name\ncafe,restaurant,Cà phê\n"


def scan(phone, clock, direction="in", day="10"):
    return {
        "person": f"phone:09051234{phone}",
        "venue": "cafe",
        "direction": direction,
        "occurred_at": f"2021-07-{day}T{clock}+07:00",
    }


MEETING = [
    *(scan("01", "08:00:00"), scan("01", "10:00:00", "out")),
    *(scan("02", "09:00:00"), scan("02", "11:00:00", "out")),
]


def case(number, phone, onset="2021-07-11"):
    return f"BN-{number},phone:09051234{phone},{onset}\n"


@pytest.fixture
def bring(tmp_path, monkeypatch, capsys):
    """Bring files into one lake, as text or rows by the name of their flag."""
    for name in ("TRUYVET_LAKE", "TRUYVET_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def ran(now=NOW, **files):
        words = ["run", "--lake", "lake", "--now", now]
        for flag, content in files.items():
            text = content if isinstance(content, str) else "".join(f"{json.dumps(row)}\n" for row in content)
            ending = "csv" if flag in ("venues", "cases") else "ndjson"
            (tmp_path / f"{flag}.{ending}").write_text(text, encoding="utf-8")
            words += [f"--{flag}", f"{flag}.{ending}"]
        assert main(words) == 0
        capsys.readouterr()

    return ran


@pytest.fixture
def said(capsys):
    """The rows and the lines of a question."""

    def ask(*words):
        assert main([words[0], "--lake", "lake", *words[1:], "--format", "json"]) == 0
        shown = capsys.readouterr()
        return json.loads(shown.out), shown.err.splitlines()

    return ask


def refused(lines):
    return next(line for line in lines if "registered venue" in line).partition("; ")[2]


def test_one_bad_row_that_is_delivered_five_times_is_one_refused_record(bring, said):
    bring(scans=MEETING, venues=VENUES, cases="case_id,person,onset_at\n" + case(1, "01"))
    for _ in range(5):
        bring(scans='{"person": "phone:0905123403", "venue": "cafe"}\n')
    _, lines = said("overlaps", "--case", "BN-1")
    assert refused(lines) == "1 scan record was rejected"


def test_a_scan_that_is_refused_as_too_old_and_accepted_later_counts_no_more(bring, said):
    bring(now=YEARS_LATER, scans=MEETING, venues=VENUES)
    _, lines = said("overlaps", "--person", "phone:0905123401")
    assert refused(lines) == "4 scan records were rejected"
    bring(scans=MEETING)
    rows, lines = said("overlaps", "--person", "phone:0905123401")
    assert [row["seconds"] for row in rows] == [3600]
    assert refused(lines) == "0 scan records were rejected"


def test_cases_that_are_in_no_scan_are_counted_also_with_all_cases(bring, said):
    cases = "".join(case(number, phone) for number, phone in enumerate(["01", "91", "92", "93"], 1))
    bring(scans=MEETING, venues=VENUES, cases=f"case_id,person,onset_at\n{cases}")
    rows, lines = said("trace", "--all-cases")
    assert len(rows) == 1
    assert "3 of 4 cases are in no scan" in lines
    _, lines = said("trace", "--case", "BN-2")
    assert "the case is in no scan" in lines
    _, lines = said("milestones", "--case", "BN-2")
    assert "the case is in no scan" in lines
    _, lines = said("milestones", "--case", "BN-1")
    assert not any("in no scan" in line for line in lines)


def test_refused_case_rows_are_counted_beside_every_answer_about_cases(bring, said):
    good = case(1, "01") + case(2, "02")
    bad = "".join(case(number, "01", "11/07/2021") for number in range(3, 16))
    bring(scans=MEETING, venues=VENUES, cases=f"case_id,person,onset_at\n{good}{bad}")
    for words in (["trace", "--all-cases"], ["milestones", "--case", "BN-1"], ["overlaps", "--case", "BN-1"]):
        _, lines = said(*words)
        assert "13 case rows were rejected" in lines


def test_refused_encounters_are_counted(bring, said):
    met = {"person_a": "phone:0905123401", "person_b": "phone:0905123402", "started_at": "soon"}
    bring(scans=MEETING, venues=VENUES, encounters=[{**met, "ended_at": "2021-07-10T09:00:00+07:00"}])
    _, lines = said("overlaps", "--person", "phone:0905123401")
    assert "1 encounter was rejected" in lines


def test_milestones_that_are_published_say_what_they_rest_on(bring, said):
    bring(scans=MEETING, venues=VENUES, cases="case_id,person,onset_at\n" + case(1, "01"))
    rows, lines = said("milestones", "--case", "BN-1", "--publish")
    assert len(rows) == 1
    assert lines == [
        "lake version 0, last scan 2021-07-10 11:00:00+07:00",
        "at the 1 venue concerned 0% of the time in 2 stays is imputed",
        "0 scans name no registered venue; 0 scan records were rejected",
    ]


def test_from_a_day_to_the_same_day_is_that_day(bring, said):
    bring(scans=[*MEETING, scan("02", "08:00:00", day="11")], venues=VENUES)
    rows, lines = said(
        "overlaps", "--person", "phone:0905123401", "--from", "2021-07-10", "--to", "2021-07-10"
    )
    assert [row["seconds"] for row in rows] == [3600]
    assert not any("no scan shows" in line for line in lines)
    rows, _ = said("overlaps", "--person", "phone:0905123401", "--from", "2021-07-11", "--to", "2021-07-11")
    assert rows == []


def test_until_a_day_includes_that_day(bring, said):
    bring(scans=MEETING, venues=VENUES, cases="case_id,person,onset_at\n" + case(1, "01"))
    assert len(said("trace", "--case", "BN-1", "--until", "2021-07-10")[0]) == 1
    assert said("trace", "--case", "BN-1", "--until", "2021-07-09")[0] == []
    assert said("trace", "--case", "BN-1", "--until", "2021-07-10T00:00:00+07:00")[0] == []
