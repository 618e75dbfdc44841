"""What the program says in English has a Vietnamese half: findings of doctor, and errors a page can meet."""

import ast
import re
from pathlib import Path

import pytest

import pipelines
from pipelines.checkup.said import Age, Count, Said, Size, joined
from pipelines.web import said_words
from pipelines.web.rendering import page_words
from pipelines.web.said_words import said_in
from tests.web.visitors import Visitor

ROOT = Path(pipelines.__file__).parent
CHECKUP = [*sorted((ROOT / "checkup").glob("*_checks.py")), ROOT / "checkup" / "check.py"]
ERRORS = {"UsageError", "DataError", "ServiceError", "RefusedError", "UnreadableError"}
MET = [
    *(ROOT / "lake").rglob("*.py"), *(ROOT / "graph").rglob("*.py"), *(ROOT / "windowing").rglob("*.py"),
    *(ROOT / "registry").rglob("*.py"), *(ROOT / "export" / "interchange").rglob("*.py"),
    *(ROOT / "drivers").glob("register_*.py"), *ROOT.rglob("person_tokens.py"),
    *(ROOT / "privacy" / f"{name}.py" for name in ("ledger", "ledger_check", "key_folders", "keys", "vault")),
    *(ROOT / "privacy" / f"{name}.py" for name in ("list_key", "code_keys")),
    *(ROOT / "export" / f"{name}.py" for name in ("formats", "list_folder", "list_question", "reveal")),
    ROOT / "ascertainment" / "adoption.py", ROOT / "codes" / "printing.py", ROOT / "errors.py",
    ROOT / "ingest" / "batch.py", ROOT / "terminal" / "workbook.py", ROOT / "times.py",
]  # fmt: skip
PART = re.compile(r"{\w+}")
VI = page_words("vi")
PAIR = Said("{table} to {source}", table="stays", source="scans")


def texts(node):
    """The sentences that an expression of a call can be, its values replaced by a sign."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(one.value if isinstance(one, ast.Constant) else "§" for one in node.values)]
    if isinstance(node, ast.BoolOp):
        return [text for one in node.values for text in texts(one)]
    if isinstance(node, ast.IfExp):
        return texts(node.body) + texts(node.orelse)
    return []


def named_calls(paths, names):
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                yield path, node


def test_every_finding_of_doctor_has_words():
    found = set()
    for path in CHECKUP:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        shown = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in shown:
                found.add(node.value)
    for path, call in named_calls(CHECKUP, {"Check"}):
        assert not any(isinstance(part, ast.JoinedStr) for part in call.args[2:]), f"{path}: use Said"
    named = set(VI.sections["check"]) | {unit for unit in found if unit.startswith(("file or", "files or"))}
    sentences = {text for text in found - named if " " in text and re.search("[a-z]{2}", PART.sub("", text))}
    assert len(sentences) > 70
    assert sorted(sentences - set(said_words._templates())) == ["damaged segment"]


def test_units_have_words():
    one = {call.args[1].value for _, call in named_calls(CHECKUP, {"Count"})}
    assert one | {"day", "hour", "minute", "second"} == set(said_words._units())


def test_every_error_that_a_page_can_meet_has_words():
    asked, missing = 0, []
    for path, call in named_calls(MET, ERRORS):
        for text in (text for part in call.args for text in texts(part)):
            asked += 1
            meant = (text.replace("§", "x/9"), text.removesuffix("§").replace("§", "x/9"))
            if re.search("[a-z]{2}", text) and not any(said_in(VI, one) for one in meant):
                missing.append(f"{path.name}: {text}")
    assert asked > 120
    assert missing == []


def test_vietnamese_names_the_values_of_the_english_sentence():
    for english, vietnamese in said_words._templates().items():
        ours = set(re.findall(r"{(\w+)}", vietnamese))
        assert ours <= set(re.findall(r"{(\w+)}", english)), english
        assert vietnamese.strip()


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (Said("{files} {age} ago", files=Count(1200, "file"), age=Age(7200)), "1.200 tệp, 2 giờ trước"),
        (
            Said("not checked: {what}", what="permission denied: /a b"),
            "chưa kiểm tra được: không có quyền truy cập: /a b",
        ),
        (
            Said("behind: {pairs}", pairs=joined([PAIR, PAIR], ", ")),
            "chậm: stays so với scans, stays so với scans",
        ),
        (
            Said("{free} free ({share}), the lake holds {size}", free=Size(2.5e9), share="9%", size=Size(12)),
            "còn trống 2,5 GB (9%), kho dữ liệu chiếm 12 B",
        ),
        ("/d/lake.json is damaged", "/d/lake.json bị hỏng"),
        (
            "the log of /l/{x} cannot be read: /l/0.json is damaged",
            "không đọc được nhật ký của /l/{x}: /l/0.json bị hỏng",
        ),
        ("a sentence of tomorrow", None),
        (Said("{files} of tomorrow", files="3"), None),
        ("", ""),
    ],
)
def test_a_sentence_in_vietnamese(sentence, said):
    assert said_in(VI, sentence) == said
    assert said_in(page_words("en"), sentence) == str(sentence)


def test_pages_leave_no_english_sentence(lake, scratch, tmp_path):
    visitor = Visitor(lake, scratch, language="vi")
    overview = visitor.text("/")
    assert "Kiểm tra lúc" in overview
    assert 'lang="en"' not in overview.replace('value="en" lang="en"', "")
    Path(lake).rename(tmp_path / "gone")
    problem = visitor.get("/").text
    assert f"không có kho dữ liệu ở {lake}" in problem
    assert "there is no lake" not in problem
