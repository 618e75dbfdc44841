"""Documents say what is there: every command, every package, and links that lead somewhere."""

import importlib.util
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

import pipelines
from pipelines import cli
from tests.test_layers import ORDER, ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("schemas/*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def text_of(path):
    return path.read_text(encoding="utf-8")


def without_code(text):
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors_of(text):
    """Return what a heading is called in a link, as GitHub does it."""
    headings = re.findall(r"^#+ (.+)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links():
    for path in DOCUMENTS:
        for target in LINK.findall(without_code(text_of(path))):
            if "://" not in target:
                yield pytest.param(path, unquote(target), id=f"{path.relative_to(ROOT)} {target}")


@pytest.mark.parametrize(("path", "target"), list(links()))
def test_a_link_leads_to_a_file_and_to_a_heading_in_it(path, target):
    name, _, anchor = target.partition("#")
    found = (path.parent / name) if name else path
    assert found.exists()
    if anchor:
        assert anchor in anchors_of(text_of(found))


def test_there_are_links_to_check():
    assert len(list(links())) > 20


def test_the_page_of_commands_is_what_the_parsers_make_it(monkeypatch):
    monkeypatch.delenv("TRUYVET_LAKE", raising=False)
    monkeypatch.delenv("TRUYVET_KEYS", raising=False)
    spec = importlib.util.spec_from_file_location("make_commands", ROOT / "docs" / "make_commands.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert text_of(maker.PAGE) == maker.page(), "run python docs/make_commands.py"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_stands_in_a_document(name):
    assert f"\n## {name}\n" in text_of(ROOT / "docs" / "commands.md")


@pytest.mark.parametrize("name", sorted(getattr(pipelines, "PUBLIC", {})))
def test_every_public_name_stands_in_a_document(name):
    assert any(
        re.search(rf"`[^`\n]*\b{name}\b|^#+ .*\b{name}\b", text_of(path), re.MULTILINE) for path in DOCUMENTS
    )


def folders():
    for path in sorted((ROOT / "pipelines").rglob("__init__.py")):
        folder = path.parent.relative_to(ROOT / "pipelines")
        if folder.parts:
            yield folder


@pytest.mark.parametrize(
    "folder", [folder for folder in folders() if folder.parts != ("runtime", "engines")], ids=str
)
def test_every_package_has_a_line_in_the_tree(folder):
    assert re.search(rf"^ +{folder.name}/ +\S", text_of(ROOT / "ARCHITECTURE.md"), re.MULTILINE)


@pytest.mark.parametrize("folder", list(folders()), ids=str)
def test_every_package_says_more_than_its_name(folder):
    source = text_of(ROOT / "pipelines" / folder / "__init__.py")
    assert len(source.split('"""')[1].splitlines()) >= 3


def test_the_order_of_the_layers_is_the_one_that_is_tested():
    told = text_of(ROOT / "ARCHITECTURE.md").split("<!-- layers -->")[1].split("<!-- /layers -->")[0]
    assert [group.split() for group in re.findall(r"`([^`]+)`", told)] == list(ORDER)


def test_files_that_the_architecture_names_are_there():
    """Of `pipelines`, `schemas` or the root; a name of the running text may leave its ending out."""
    text = text_of(ROOT / "ARCHITECTURE.md")
    homes = [ROOT, ROOT / "pipelines"]
    named = re.findall(r"`([\w./]+/[\w.]*)`", text)
    missing = [
        name
        for name in named
        if not any((home / name).exists() or (home / f"{name}.py").exists() for home in homes)
    ]
    assert len(named) > 30
    assert missing == []


def test_the_glossary_has_a_vietnamese_word_for_each_english_one():
    rows = [
        line.split("|")[1:-1] for line in text_of(ROOT / "GLOSSARY.md").splitlines() if line.startswith("| ")
    ]
    assert len(rows) > 30
    assert all(len(row) == 3 and all(cell.strip() for cell in row) for row in rows)
    assert Path(ROOT / "README.md").read_text(encoding="utf-8").count("GLOSSARY.md") >= 1
