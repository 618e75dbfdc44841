"""Changes made from the pages: in the ledger before, confirmed after, and refused with a reason."""

import pytest

from pipelines import list_cases, list_venues, trace
from pipelines.privacy.code_key_folders import make_key
from tests.export.worlds import HOSTILE, PHONES
from tests.web.visitors import Visitor, copied

PURPOSE = {"purpose": "new report"}
NEW_CASE = {"case_id": "BN-7/a", "person": PHONES["binh"].removeprefix("phone:"), "onset_at": "2021-08-06"}
VENUE = {"venue": "NEW-1", "name": HOSTILE[2], "type": "market", "district_code": "522", "zone": "A1;A2"}


@pytest.fixture(scope="module")
def visitor(made_lake, tmp_path_factory):
    from pipelines.web.scratch_folder import ScratchFolder

    scratch = ScratchFolder()
    yield Visitor(copied(made_lake, tmp_path_factory.mktemp("changes")), scratch)
    scratch.remove()


def pages_in_ledger(visitor):
    return [(line["arguments"].get("page"), line["purpose"]) for line in visitor.ledger()]


def test_a_case_is_added_traced_replaced_and_withdrawn(visitor):
    answer = visitor.post("/cases/add", NEW_CASE | PURPOSE)
    assert answer.status_code == 303
    assert ("add a case", "new report") in pages_in_ledger(visitor)
    html = visitor.text(answer.location)  # its number holds a slash
    assert "Case BN-7/a was added" in html
    assert f"{len(trace(visitor.lake, 'BN-7/a'))} of {len(trace(visitor.lake, 'BN-7/a'))} people" in html
    again = visitor.post("/cases/add", NEW_CASE | PURPOSE | {"sampled_at": "2021-08-07"})
    assert "existed and was replaced" in visitor.text(again.location)
    gone = visitor.post(f"{answer.location}/withdraw", PURPOSE)
    assert "was withdrawn" in visitor.text(gone.location)
    states = {row["case_id"]: row["state"] for row in list_cases(visitor.lake).to_pylist()}
    assert states["BN-7/a"] == "withdrawn"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"case_id": ""}, "case number is missing"),
        ({"case_id": "0905 111 299"}, "must not be a phone or document"),
        ({"case_id": "cccd:051086000123"}, "must not be a phone or document"),
        ({"person": "12"}, "phone or document is not valid"),
        ({"person": "fax:0905111201"}, "phone or document is not valid"),
        ({"onset_at": "06/08/2021"}, "A date is not valid"),
        ({"onset_at": ""}, "A date of onset or sample is needed"),
        ({"case_id": "x" * 200}, "was refused"),
    ],
)
def test_a_case_that_is_wrong_is_told_why_and_what_was_typed_stays_but_for_the_person(visitor, wrong, said):
    before = list_cases(visitor.lake)
    answer = visitor.post("/cases/add", NEW_CASE | PURPOSE | wrong)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'name="case_id" value="' in answer.text
    assert NEW_CASE["person"] not in answer.text
    assert list_cases(visitor.lake).equals(before)


@pytest.mark.parametrize(
    "path", ["/cases/add", "/cases/BN-1/withdraw", "/venues/add", "/venues/close", "/cases/BN-1/reveal"]
)
def test_no_change_without_a_purpose(visitor, path):
    before = pages_in_ledger(visitor)
    answer = visitor.post(path, NEW_CASE | VENUE)
    assert answer.status_code == 422
    assert "The purpose is missing" in answer.text
    assert pages_in_ledger(visitor) == before


def test_in_vietnamese_a_date_is_day_month_year(visitor):
    visitor.post("/language", {"lang": "vi"})
    fields = NEW_CASE | PURPOSE | {"case_id": "BN-8", "onset_at": "6/8/2021"}
    assert visitor.post("/cases/add", fields).status_code == 303
    visitor.post("/language", {"lang": "en"})
    onset = {row["case_id"]: row["onset_at"] for row in list_cases(visitor.lake).to_pylist()}["BN-8"]
    assert onset.isoformat() == "2021-08-05T17:00:00+00:00"  # the start of 6 August in Vietnam


def test_a_venue_with_a_hostile_name_is_registered_shown_printed_and_closed(visitor):
    assert visitor.post("/venues/add", VENUE | PURPOSE).status_code == 303
    html = visitor.text("/venues")
    assert "Venue NEW-1 was registered" in html
    assert "<script>alert" not in html
    assert visitor.post("/venues/add", VENUE | PURPOSE).status_code == 409
    assert visitor.post("/venues/poster", {"venue": "NEW-1"}).status_code == 409  # no key signs codes yet
    from pathlib import Path

    make_key(Path(f"{visitor.lake}.keys"))
    pdf = visitor.post("/venues/poster", {"venue": "NEW-1", "kind": "pdf"})
    assert pdf.data.startswith(b"%PDF")
    svg = visitor.post("/venues/poster", {"venue": "NEW-1", "kind": "svg"})
    assert b"<script" not in svg.data
    assert visitor.post("/venues/close", {"venue": "NEW-1"} | PURPOSE).status_code == 303
    row = list_venues(visitor.lake, ["NEW-1"]).to_pylist()[0]
    assert row["closed_at"] is not None
    assert [page for page, _ in pages_in_ledger(visitor)].count("poster") == 3


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"venue": ""}, 422, "A code and a type are needed"),
        ({"type": "castle"}, 422, "A code and a type are needed"),
        ({"venue": "N-2", "district_code": "999"}, 422, "district code is not known"),
        ({"venue": "N-2", "name": "x" * 600}, 422, "was refused"),
    ],
)
def test_a_venue_that_is_wrong_is_told_why(visitor, wrong, status, said):
    answer = visitor.post("/venues/add", VENUE | PURPOSE | wrong)
    assert (answer.status_code, said in answer.text) == (status, True)


def test_what_is_not_there_can_be_neither_closed_nor_printed_nor_withdrawn(visitor):
    assert visitor.post("/venues/close", {"venue": "nowhere"} | PURPOSE).status_code == 404
    assert visitor.post("/venues/poster", {"venue": "nowhere"}).status_code == 404
    assert visitor.post("/cases/BN-99/withdraw", PURPOSE).status_code == 404


def test_a_page_shows_the_lake_as_it_is_now(visitor):
    before = visitor.get("/state.json").json["versions"]
    assert f'data-versions="{before}"' in visitor.text("/cases")
    visitor.post("/cases/add", NEW_CASE | PURPOSE | {"case_id": "BN-9"})
    after = visitor.get("/state.json").json["versions"]
    assert after != before
    assert f'data-versions="{after}"' in visitor.text("/cases")
    assert "BN-9" in visitor.text("/cases")


def test_a_search_stands_in_no_url_and_is_kept(visitor):
    answer = visitor.post("/cases/search", {"text": "bn-1"})
    assert answer.location == "/cases"
    html = visitor.text("/cases")
    assert ">BN-1<" in html
    assert ">BN-2<" not in html
    visitor.post("/cases/search", {"text": ""})
    visitor.post("/venues/search", {"text": "SUM(1)"})
    assert "V4" in visitor.text("/venues")
    assert ">V0<" not in visitor.text("/venues")
