"""What a page says when the lake, the ledger or the program fails, and what it keeps to itself."""

import os
from pathlib import Path

import pytest

from pipelines.web.pages import clusters_page
from tests.web.visitors import Visitor

PAGES = ("/", "/cases", "/cases/BN-1", "/clusters", "/venues", "/venues/unregistered", "/adoption", "/ledger")


def test_a_lake_that_disappears_is_a_page_and_comes_back(visitor):
    assert visitor.get("/cases/BN-1").status_code == 200
    os.rename(visitor.lake, f"{visitor.lake}.away")
    for path in (*PAGES, "/state.json"):
        answer = visitor.get(path)
        assert answer.status_code == 503
        assert "The data cannot be read" in answer.text
    os.rename(f"{visitor.lake}.away", visitor.lake)
    assert visitor.get("/cases/BN-1").status_code == 200


def test_a_ledger_that_can_no_longer_be_written_is_503_and_shows_nothing(lake, scratch, tmp_path):
    ledger = tmp_path / "ledger"
    visitor = Visitor(lake, scratch, ledger=str(ledger))
    assert visitor.get("/cases").status_code == 200
    os.rename(ledger, tmp_path / "gone")
    ledger.write_text("a file where the folder was")
    for path in PAGES:
        answer = visitor.get(path)
        assert answer.status_code == 503
        assert "The ledger cannot be written" in answer.text
        assert "2021-08" not in answer.text
    for path, fields in {
        "/cases/BN-1/withdraw": {},
        "/cases/BN-1/export": {"format": "csv"},
        "/cases/BN-1/reveal": {"person": "0" * 16},
        "/venues/poster": {"venue": "V0"},
        "/cases/BN-1/capacity": {"capacity": "1"},
    }.items():
        assert visitor.post(path, fields | {"purpose": "test"}).status_code == 503


def test_a_damaged_file_is_a_page_and_no_answer(visitor):
    for path in Path(visitor.lake, "cases").rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-8] + b"damaged!")
    answer = visitor.get("/cases")
    assert answer.status_code == 503
    assert "BN-1" not in answer.text


def test_an_unforeseen_error_names_its_kind_and_place_and_nothing_else(visitor, monkeypatch, capfd):
    def fail(*_args, **_options):
        raise ValueError("phone:+84905111200")

    monkeypatch.setattr(clusters_page, "clusters", fail)
    answer = visitor.get("/clusters")
    assert answer.status_code == 500
    assert "ValueError at clusters_page.py:" in answer.text
    said = "".join(capfd.readouterr())
    assert "internal error: ValueError at clusters_page.py:" in said
    assert "905111200" not in answer.text + said


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_land_has_received_and_not_committed_is_seen(lake, scratch, monkeypatch, language):
    visitor = Visitor(lake, scratch, language=language)
    assert visitor.get("/state.json").json["waiting"] == 0
    folder = Path(f"{lake}.landing")
    folder.mkdir()
    (folder / "0001.segment").write_bytes(b"sealed")
    state = visitor.get("/state.json").json
    assert (state["waiting"], state["waiting_bytes"]) == (1, 6)
    said = {
        "en": ("segments waiting: 1", "not in the lake yet: 1"),
        "vi": ("1 đoạn chờ ghi", "1 đoạn dữ liệu đã nhận"),
    }
    assert said[language][0] in visitor.text("/")
    assert said[language][1] in visitor.text("/cases/BN-1")
