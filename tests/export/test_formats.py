"""Every format of a list holds the persons of the trace, and hostile texts stay texts in it."""

import csv
import html
import json
import shutil
import subprocess
import unicodedata
import zipfile

import networkx as nx
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives import serialization

from pipelines.export import ListOptions, SormasSettings, check_list, export
from pipelines.export.sheet_reading import sheet_rows
from pipelines.graph.tracing.trace import trace
from pipelines.terminal.output import token_text
from tests.export.worlds import CASE, HOSTILE, PHONES, make_lake

SORMAS = SormasSettings("CORONAVIRUS", "Quang Ngai", "Binh Son", "", "dmy")
LONG = "x" * 40_000
NAMES = {
    "binh": "=1+1",
    "chi": "<img src=x onerror=alert(1)>",
    "dung": unicodedata.normalize("NFD", "Nguyễn Thị Hồng"),
    "em": LONG,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A lake, and its list in all formats with revealed identifiers and a hostile register."""
    folder = tmp_path_factory.mktemp("formats")
    lake = make_lake(folder)
    with open(folder / "people.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["person", "full_name", "birth_year", "sex", "address", "phone"])
        for name, written in NAMES.items():
            writer.writerow([PHONES[name], written, 1980, "female", "+84 & Thôn 1\r\n\tSUM", ""])
    options = ListOptions(
        formats=["all"],
        reveal=True,
        authority_key=f"{lake}.keys/authority.key",
        people=str(folder / "people.csv"),
        follow_up_days=14,
        capacity=2,
        sormas=SORMAS,
    )
    made = export(lake, [CASE], "vn-2020-12", output=folder / "list", depth=1, options=options)
    plain = ListOptions(formats=["all"], sormas=SORMAS, lang="en")
    export(lake, [CASE], "vn-2020-12", output=folder / "plain", depth=1, options=plain)
    rows = trace(lake, [CASE], "vn-2020-12", depth=1).rows
    return lake, folder, made, rows


def texts_of(folder, name):
    with open(folder / name, newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def test_all_formats_hold_the_persons_of_the_trace_in_its_order(world):
    _, folder, made, rows = world
    persons = [token_text(person) for person in rows["person"].to_pylist()]
    assert len(persons) == 4
    listed = folder / "list"
    assert [row[1] for row in texts_of(listed, "list.csv")[1:]] == [f"p-{person}" for person in persons]
    assert [row["person"] for row in json.loads((listed / "list.json").read_text())] == persons
    assert pq.read_table(listed / "list.parquet")["person"].to_pylist() == rows["person"].to_pylist()
    assert [row[1] for row in sheet_rows(listed / "list.xlsx", "list")][1:] == [f"p-{p}" for p in persons]
    assert len(texts_of(listed, "sormas_contacts.csv")) == 2 + len(persons)
    assert len(json.loads((listed / "godata_contacts.json").read_text())) == len(persons)
    graph = nx.read_graphml(listed / "network.graphml")
    assert sum(kind == "person" for _, kind in graph.nodes(data="kind")) == len(persons) + 1
    assert made.manifest.tiers == {"1": len(persons)}


def test_phones_stay_phones_and_persons_are_named_by_the_register(world):
    _, folder, _, _ = world
    head, *rows = texts_of(folder / "list", "list.csv")
    at = head.index("Số điện thoại, giấy tờ")
    assert sorted(row[at].replace(" ", "") for row in rows) == [f"09051112{n:02}" for n in range(1, 5)]
    named = {row[at].replace(" ", ""): row[head.index("Họ và tên")] for row in rows}
    assert named["0905111201"] == "'=1+1"
    assert named["0905111203"] == NAMES["dung"]
    assert all("\n" not in cell and "\r" not in cell for row in rows for cell in row)


def test_no_text_is_executed_by_a_spreadsheet_or_a_browser(world):
    _, folder, _, _ = world
    for row in texts_of(folder / "list", "list.csv"):
        assert not any(cell[:1] in "=+-@\t\r＝＋－＠" for cell in row if cell)
    with zipfile.ZipFile(folder / "list" / "list.xlsx") as book:
        for name in book.namelist():
            content = book.read(name)
            assert b"<f>" not in content
            assert b"<hyperlink" not in content
            assert b'TargetMode="External"' not in content
    for name in ("report.html", "notice.html"):
        page = (folder / "list" / name).read_text(encoding="utf-8")
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "http:" not in html.unescape(page).replace(HOSTILE[0], "").replace("http://www.w3.org/", "")
        assert 'href="http' not in page
        assert 'src="' not in page


def test_hostile_names_of_venues_read_back_as_they_are(world):
    _, folder, _, _ = world
    named = {name for row in json.loads((folder / "list" / "list.json").read_text())
             for name in row["venue_names"].split(";")}  # fmt: skip
    assert named == set(HOSTILE)
    page = (folder / "list" / "report.html").read_text(encoding="utf-8")
    assert all(html.escape(name) in html.unescape(page) or name in html.unescape(page) for name in HOSTILE)


def test_a_list_without_reveal_holds_no_identifier_in_any_byte(world):
    _, folder, _, _ = world
    for path in (folder / "plain").iterdir():
        contents = [path.read_bytes()]
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                contents = [book.read(name) for name in book.namelist()]
        for content in contents:
            assert b"9051112" not in content, path.name
            assert b"905 1112" not in content.replace(b"\xc2\xa0", b" "), path.name
            assert b"905 111" not in content, path.name


def test_the_notice_names_no_person(world):
    _, folder, _, rows = world
    for name in ("notice.html", "notice.json"):
        text = (folder / "list" / name).read_text(encoding="utf-8")
        assert not any(token_text(person) in text for person in rows["person"].to_pylist())
        assert CASE not in text


def test_the_signature_is_a_raw_ed25519_of_the_manifest(world):
    _, folder, _, _ = world
    listed = folder / "list"
    public = serialization.load_pem_public_key((listed / "public.pem").read_bytes())
    public.verify((listed / "manifest.sig").read_bytes(), (listed / "manifest.json").read_bytes())
    if shutil.which("openssl"):
        words = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "public.pem", "-sigfile", "manifest.sig"]
        done = subprocess.run(
            ["openssl", *words, "-in", "manifest.json"], cwd=listed, capture_output=True, check=True
        )
        assert b"Signature Verified Successfully" in done.stdout
    assert check_list(listed).manifest.revealed == 4


def test_an_empty_trace_makes_a_list_without_rows(tmp_path):
    lake = make_lake(tmp_path, people=0)
    options = ListOptions(formats=["all"], sormas=SORMAS)
    made = export(lake, [CASE], "vn-2020-12", output=tmp_path / "list", options=options)
    assert made.manifest.tiers == {}
    assert len(texts_of(tmp_path / "list", "list.csv")) == 1
    assert json.loads((tmp_path / "list" / "list.json").read_text()) == []
    assert check_list(tmp_path / "list").manifest.cases == [CASE]


def test_the_epicontacts_files_are_plain_csv_that_r_reads(world):
    _, folder, _, _ = world
    expected = {"epicontacts_contacts.csv": 4, "epicontacts_linelist.csv": 5}
    for name, rows in expected.items():
        content = (folder / "list" / name).read_bytes()
        assert not content.startswith(b"\xef\xbb\xbf")
        assert len(list(csv.reader(content.decode().splitlines()))) == 1 + rows
        if shutil.which("Rscript"):
            code = f"cat(nrow(read.csv('{name}')))"
            done = subprocess.run(
                ["Rscript", "-e", code], cwd=folder / "list", capture_output=True, check=True
            )
            assert int(done.stdout) == rows
