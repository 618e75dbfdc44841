"""Every query lies in a file whose header names its parameters and result columns."""

from pathlib import Path

import pytest

from pipelines.query import statements

FILES = sorted((Path(statements.__file__).parent / "sql").glob("*.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_query_begins_with_a_header(path: Path) -> None:
    text = statements.statement(path.stem)
    header = [line for line in text.splitlines() if line.startswith("--")]
    assert text.startswith("--")
    assert any(line.startswith("-- Columns:") for line in header)
    assert any(line.startswith(("-- Parameters:", "-- Filled in")) for line in header)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_holds_one_query(path: Path) -> None:
    assert ";" not in "\n".join(
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("--")
    )
