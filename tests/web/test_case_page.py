"""A case's page and its actions, as a visitor without JavaScript meets them."""

import datetime as dt
import io
import re
import zipfile

import pytest

from pipelines import trace
from pipelines.export import ListOptions, check_list, export
from pipelines.privacy.ledger import ledger_folder
from pipelines.privacy.ledger_check import check_ledger
from pipelines.terminal.output import token_text
from tests.export.worlds import PHONES
from tests.web.visitors import Visitor, files_below, hidden

PURPOSE = "calling contacts"


def heads_of(html):
    return re.findall(r'<h2 id="h-(\w+)">', html)


def tokens_of(lake):
    return [token_text(person) for person in trace(lake, "BN-1")["person"].to_pylist()]


def test_the_page_answers_in_the_order_in_which_an_officer_asks(visitor):
    assert heads_of(visitor.text("/cases/BN-1")) == ["sure", "first", "miles", "list", "compare", "export"]


def test_the_page_shows_the_rows_of_trace_and_milestones(visitor):
    html = visitor.text("/cases/BN-1")
    assert all(f"p-{token}" in html for token in tokens_of(visitor.lake))
    assert "2021-08-05 08:00" in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html


def test_no_token_and_no_identifier_stands_in_a_link_or_a_title(visitor):
    html = visitor.text("/cases/BN-1") + visitor.text("/cases") + visitor.text("/ledger")
    targets = re.findall(r'(?:href|src|action)="([^"]*)"', html) + re.findall(r"<title>(.*?)</title>", html)
    assert targets
    assert not [one for one in targets for token in tokens_of(visitor.lake) if token in one]
    assert not re.search(r"090511|\+8490511", html)


def test_the_ledger_has_a_line_of_each_page_before_it_is_shown(visitor):
    html = visitor.text("/cases/BN-1?rule=cdc-2020-10")
    line = visitor.ledger()[-1]
    assert (line["actor"], line["command"], line["cases"], line["rule"]) == (
        "dr.lan", "serve", ["BN-1"], "cdc-2020-10",
    )  # fmt: skip
    assert line["arguments"]["page"] == "case"
    assert "cdc-2020-10" in html


def test_revealing_shows_the_numbers_of_those_asked_for_once_and_writes_the_line_first(visitor, capfd):
    html = visitor.text("/cases/BN-1")
    persons = hidden(html, "person")
    assert set(tokens_of(visitor.lake)) <= set(persons)
    answer = visitor.post("/cases/BN-1/reveal", {"purpose": PURPOSE, "person": persons[:2]})
    assert answer.status_code == 200
    shown = re.findall(r"09\d\d \d{3} \d{3}", answer.text)
    assert len(shown) == 2
    line = visitor.ledger()[-1]
    assert line["purpose"] == PURPOSE
    assert line["arguments"] == {"page": "reveal", "method": "POST", "people": 2}
    assert not re.search(r"09\d\d \d{3} \d{3}", visitor.text("/cases/BN-1"))
    said = "".join(capfd.readouterr())
    assert not [one for one in shown if one in said or one.replace(" ", "") in said]


def test_the_case_itself_can_be_asked_too(visitor):
    own = hidden(visitor.text("/cases/BN-1"), "person")[-1]
    answer = visitor.post("/cases/BN-1/reveal", {"purpose": PURPOSE, "person": own})
    assert PHONES["an"].removeprefix("phone:") in answer.text.replace(" ", "")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"purpose": ""}, 422),
        ({"purpose": " \t"}, 422),
        ({"purpose": "x" * 501}, 422),
        ({"person": []}, 422),
        ({"person": "0" * 16}, 422),
        ({"person": "phone:0905111201"}, 422),
        ({"rule": "no-such-rule"}, 422),
        ({"depth": "99"}, 422),
    ],
)
def test_what_must_not_be_revealed_is_refused_and_shows_no_number(visitor, fields, status):
    given = {"purpose": PURPOSE, "person": tokens_of(visitor.lake)[0]} | fields
    answer = visitor.post("/cases/BN-1/reveal", given)
    assert answer.status_code == status
    assert not re.search(r"09\d\d \d{3} \d{3}", answer.text)


def test_without_the_authoritys_key_nothing_is_revealed_and_no_form_offers_it(lake, scratch):
    visitor = Visitor(lake, scratch, authority_key=None)
    assert "/reveal" not in visitor.text("/cases/BN-1")
    given = {"purpose": PURPOSE, "person": tokens_of(lake)[0]}
    assert visitor.post("/cases/BN-1/reveal", given).status_code == 403
    assert visitor.post("/cases/BN-1/reveal", given | {"purpose": ""}).status_code == 422
    export = {"format": "csv", "reveal": "1", "purpose": PURPOSE}
    assert visitor.post("/cases/BN-1/export", export).status_code == 403


def test_one_format_is_its_file_and_several_are_a_signed_zip(visitor, tmp_path, scratch):
    one = visitor.post("/cases/BN-1/export", {"format": "csv", "lang": "en"})
    assert one.status_code == 200
    assert one.data.startswith(b"\xef\xbb\xbfNo,Person code")
    assert f'filename="BN-1-{dt.date.today():%Y-%m-%d}-list.csv"' in one.headers["Content-Disposition"]
    several = visitor.post("/cases/BN-1/export", {"format": ["csv", "html", "notice"]})
    with zipfile.ZipFile(io.BytesIO(several.data)) as archive:
        archive.extractall(tmp_path / "list")
    assert check_list(tmp_path / "list").manifest.cases == ["BN-1"]
    commands = [line["command"] for line in visitor.ledger()]
    assert commands[-1] == "export"
    assert not [path for path in files_below(scratch.path) if path.name != ".lock"]


def test_a_revealed_list_needs_a_purpose_and_leaves_nothing_behind(visitor, scratch):
    refused = visitor.post("/cases/BN-1/export", {"format": "json", "reveal": "1"})
    assert refused.status_code == 422
    taken = visitor.post("/cases/BN-1/export", {"format": "json", "reveal": "1", "purpose": PURPOSE})
    assert PHONES["binh"].removeprefix("phone:0") in taken.text
    assert visitor.ledger()[-1]["purpose"] == PURPOSE
    assert not [path for path in files_below(scratch.path) if path.name != ".lock"]


@pytest.mark.parametrize(
    "fields", [{}, {"format": "docx"}, {"format": "sormas"}, {"format": "csv", "lang": "fr"}]
)
def test_a_list_that_cannot_be_made_is_a_page_that_says_so(visitor, fields):
    answer = visitor.post("/cases/BN-1/export", fields)
    assert answer.status_code == 422
    assert "<h1>" in answer.text


def test_marking_the_calls_marks_the_best_and_says_so(visitor):
    answer = visitor.post("/cases/BN-1/capacity", {"capacity": "2"})
    assert answer.status_code == 303
    html = visitor.text("/cases/BN-1")
    assert "People marked to be called: 2" in html
    assert len(re.findall(r"<td>yes</td>", html)) == 2
    assert "People marked" not in visitor.text("/cases/BN-1")  # a confirmation is said once
    assert [
        line["arguments"].get("capacity") for line in visitor.ledger() if "capacity" in line["arguments"]
    ] == [2]
    assert visitor.post("/cases/BN-1/capacity", {"capacity": "-1"}).status_code == 422


def test_a_filter_is_kept_by_the_session_and_stands_in_no_url(visitor):
    answer = visitor.post("/cases/BN-1/filter", {"place": "SUM(1)"})
    assert answer.status_code == 303
    assert "SUM" not in answer.location
    rows = trace(visitor.lake, "BN-1").to_pylist()
    kept = sum("V4" in row["venues"].split(";") for row in rows)
    assert 0 < kept < len(rows)
    html = visitor.text("/cases/BN-1")
    assert f"{kept} of {len(rows)} people shown" in html
    visitor.post("/cases/BN-1/filter", {"clear": "1", "place": "SUM(1)"})
    assert f"{len(rows)} of {len(rows)} people shown" in visitor.text("/cases/BN-1")


def minutes_of(html):
    """Minutes direct, the column after the time of the last contact, of each row of the list."""
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(<td><input.*?)</tr>", html)]
    return [int(row[7]) for row in rows]


def test_the_list_is_sorted_both_ways(visitor):
    rows = trace(visitor.lake, "BN-1").to_pylist()
    for sort, reverse in (("seconds_direct", False), ("-seconds_direct", True)):
        html = visitor.text(f"/cases/BN-1?sort={sort}")
        minutes = minutes_of(html)
        assert minutes == sorted(minutes, reverse=reverse)
        assert len(minutes) == len(rows)


def test_a_case_without_dates_and_a_case_that_is_not_there_are_pages(visitor):
    assert "neither an onset nor a sample" in visitor.text("/cases/BN-2")
    for path in ("/cases/BN-9", "/cases/%3Cscript%3E", "/cases/a%252Fb"):
        answer = visitor.get(path)
        assert answer.status_code == 404
        assert "<h1>No such case</h1>" in answer.text


def test_the_network_is_a_picture_under_a_policy_of_its_own(visitor):
    answer = visitor.get("/cases/BN-1/network.svg")
    assert answer.mimetype == "image/svg+xml"
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert b"<svg" in answer.data
    assert b"<script" not in answer.data


def test_the_ledger_page_shows_the_lines_and_that_they_are_sound(visitor):
    visitor.text("/cases/BN-1")
    html = visitor.text("/ledger")
    head, flaw = check_ledger(ledger_folder(visitor.lake))
    assert flaw is None
    assert f"Lines: {head.seq}, all sound" in html
    path = ledger_folder(visitor.lake) / "ledger.jsonl"
    path.write_text(path.read_text().replace("dr.lan", "dr.bin", 1))
    assert "The ledger is damaged from line 1 on" in visitor.text("/ledger")


def test_the_page_says_how_sure_the_list_is_in_the_words_of_the_report(visitor, tmp_path):
    options = ListOptions(formats=("html",), lang="en")
    export(visitor.lake, "BN-1", output=tmp_path / "list", options=options)
    report = (tmp_path / "list" / "report.html").read_text(encoding="utf-8")
    doubts = re.findall(r"<li>(.+?)</li>", report.split('id="h-doubts"')[1].split("</ul>")[0])
    assert any(doubt.startswith(("How many people were exposed", "Between")) for doubt in doubts)
    page = visitor.text("/cases/BN-1")
    assert [doubt for doubt in doubts if doubt not in page] == []
    assert "it is not a probability" in page
